"""Working with caches: single entries, many at once, and the caches themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, TypeVarTuple

import attrs

from ignite_dbapi.errors import DatabaseError, NotSupportedError, ProgrammingError
from ignite_dbapi.operations import calls, explicit_transactions, facts, transactions
from ignite_dbapi.operations.explicit_transactions import ExplicitTransaction
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import Knowledge, MissingFact
from ignite_dbapi.protocol.codec.names import name_id, string_hash
from ignite_dbapi.protocol.codec.values import BinaryObject
from ignite_dbapi.protocol.context import Feature
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages import cache as messages
from ignite_dbapi.protocol.messages.affinity import Affinity, CachePartitions
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.binary_types import ClassNamePut
from ignite_dbapi.protocol.messages.cache import (
    Batch,
    CacheHeader,
    ConflictEntry,
    EntryVersion,
    InvokeOutcome,
    PeekMode,
)
from ignite_dbapi.protocol.messages.cache_configuration import CacheConfiguration, ExpiryPolicy
from ignite_dbapi.protocol.messages.pages import Page

T = TypeVar("T")
Fields = TypeVarTuple("Fields")

# What one request carries at most, give or take one entry. Server and client each hold a request in memory as a whole,
# so there must be a bound; up to there, a TRANSACTIONAL cache applies a put_all as a whole.
_BATCH_SIZE: Final = 64 * 1024 * 1024
# Keys of one get_all: their values come in one answer, whose size nobody knows before.
_BATCH_KEYS: Final = 50_000


# All that servers tell of a cache that could not be started.
_REFUSED_CONFIGURATION: Final = "Failed to complete exchange process"
# What servers say of an object of a class that nobody has named to them yet.
_UNNAMED_CLASS: Final = "Failed to resolve class name"


@attrs.frozen
class CacheAccess:
    """A cache, and how it is used: what goes with each request, and in which form values are read.

    *expiry* is the expiry policy of what is written or read through this object; None leaves it to the cache. With
    *lossless*, values come in the vocabulary of :mod:`~ignite_dbapi.protocol.codec.values`. Without a *transaction*
    of its own, what is done joins the connection's transaction, if autocommit is off.
    """

    name: str
    expiry: ExpiryPolicy | None = None
    keep_binary: bool = False
    lossless: bool = False
    transaction: ExplicitTransaction | None = None
    cache_id: int = attrs.field(init=False)
    # What requests outside of transactions start with.
    plain_header: CacheHeader = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "cache_id", string_hash(self.name))
        object.__setattr__(self, "plain_header", CacheHeader(self.cache_id, self.expiry, None, self.keep_binary))

    def header(self, transaction_id: int | None = None) -> CacheHeader:
        """What requests start with, within the transaction *transaction_id* or without one."""
        if transaction_id is None:
            return self.plain_header
        return CacheHeader(self.cache_id, self.expiry, transaction_id, self.keep_binary)


# --- single entries -------------------------------------------------------------------------------------------


def get(session: Session, cache: CacheAccess, key: Any) -> Operation[Any]:
    """The value of *key*, or None."""
    return _single(session, cache, messages.Get, (key,), cache.lossless, is_change=False)


def put(session: Session, cache: CacheAccess, key: Any, value: Any) -> Operation[None]:
    """Set the value of *key*."""
    return _single(session, cache, messages.Put, (key, value), is_change=True)


def put_if_absent(session: Session, cache: CacheAccess, key: Any, value: Any) -> Operation[bool]:
    """Set the value of *key* if it has none; tells whether it was set."""
    return _single(session, cache, messages.PutIfAbsent, (key, value), is_change=True)


def get_and_put(session: Session, cache: CacheAccess, key: Any, value: Any) -> Operation[Any]:
    """Set the value of *key*; returns the one before, or None."""
    return _single(session, cache, messages.GetAndPut, (key, value), cache.lossless, is_change=True)


def get_and_put_if_absent(session: Session, cache: CacheAccess, key: Any, value: Any) -> Operation[Any]:
    """Set the value of *key* if it has none; returns the one that it has, or None."""
    return _single(session, cache, messages.GetAndPutIfAbsent, (key, value), cache.lossless, is_change=True)


def get_and_replace(session: Session, cache: CacheAccess, key: Any, value: Any) -> Operation[Any]:
    """Set the value of *key* if it has one; returns the one before, or None."""
    return _single(session, cache, messages.GetAndReplace, (key, value), cache.lossless, is_change=True)


def get_and_remove(session: Session, cache: CacheAccess, key: Any) -> Operation[Any]:
    """Remove *key*; returns its value, or None."""
    return _single(session, cache, messages.GetAndRemove, (key,), cache.lossless, is_change=True)


def replace(session: Session, cache: CacheAccess, key: Any, value: Any) -> Operation[bool]:
    """Set the value of *key* if it has one; tells whether it was set."""
    return _single(session, cache, messages.Replace, (key, value), is_change=True)


def replace_if_equals(session: Session, cache: CacheAccess, key: Any, expected: Any, value: Any) -> Operation[bool]:
    """Set the value of *key* if it has the value *expected*; tells whether it was set."""
    return _single(session, cache, messages.ReplaceIfEquals, (key, expected, value), is_change=True)


def contains_key(session: Session, cache: CacheAccess, key: Any) -> Operation[bool]:
    """Whether *key* has a value."""
    return _single(session, cache, messages.ContainsKey, (key,), is_change=False)


def remove_key(session: Session, cache: CacheAccess, key: Any) -> Operation[bool]:
    """Remove *key*; tells whether it had a value."""
    return _single(session, cache, messages.RemoveKey, (key,), is_change=True)


def remove_if_equals(session: Session, cache: CacheAccess, key: Any, expected: Any) -> Operation[bool]:
    """Remove *key* if it has the value *expected*; tells whether it was removed."""
    return _single(session, cache, messages.RemoveIfEquals, (key, expected), is_change=True)


def clear_key(session: Session, cache: CacheAccess, key: Any) -> Operation[None]:
    """Drop the entry of *key*, without telling listeners and stores; no transaction can undo it."""
    _check_outside(session, cache, "clear_key")
    return calls.call(session, messages.ClearKey(cache.header(), (key,)))


def local_peek(session: Session, cache: CacheAccess, key: Any) -> Operation[Any]:
    """The value of *key* if the connected node holds it in memory, or None."""
    return _single(session, cache, messages.LocalPeek, (key,), cache.lossless, is_change=False)


# --- many entries ---------------------------------------------------------------------------------------------


def get_all(session: Session, cache: CacheAccess, keys: Iterable[Any]) -> Operation[list[tuple[Any, Any]]]:
    """The entries, as pairs, of those *keys* that have a value. Pairs, because not every key fits into a dict."""
    pages = yield from _with_keys(
        session, cache, keys, lambda header, batch: messages.GetAll(header, batch, cache.lossless), is_change=False
    )
    entries: list[tuple[Any, Any]] = []
    for page in pages:
        taken = yield from _taken(session, page)
        if entries:
            entries += taken
        else:
            entries = taken
    return entries


def put_all(
    session: Session, cache: CacheAccess, entries: Mapping[Any, Any] | Iterable[tuple[Any, Any]]
) -> Operation[None]:
    """Set the values of many keys; of a key that comes twice, the last one.

    A TRANSACTIONAL cache takes all entries or none, up to 64 MiB of them: more are sent in several requests, one after
    the other, and want a transaction around them if they are to be one.
    """
    if isinstance(entries, Mapping):
        pairs = list(entries.items())
    else:
        try:
            pairs = [(key, value) for key, value in entries]
        except (TypeError, ValueError):
            raise ProgrammingError(
                "put_all takes a mapping, or an iterable of pairs (key, value)", code="invalid_entries"
            ) from None
    yield from _in_batches(
        session,
        cache,
        len(pairs),
        lambda start, knowledge: Batch.of_entries(pairs, start, knowledge, size_limit=_BATCH_SIZE),
        messages.PutAll,
        is_change=True,
    )


def contains_keys(session: Session, cache: CacheAccess, keys: Iterable[Any]) -> Operation[bool]:
    """Whether all of *keys* have a value."""
    return all((yield from _with_keys(session, cache, keys, messages.ContainsKeys, is_change=False)))


def remove_keys(session: Session, cache: CacheAccess, keys: Iterable[Any]) -> Operation[None]:
    """Remove *keys*."""
    yield from _with_keys(session, cache, keys, messages.RemoveKeys, is_change=True)


def clear_keys(session: Session, cache: CacheAccess, keys: Iterable[Any]) -> Operation[None]:
    """Drop the entries of *keys*, without telling listeners and stores; no transaction can undo it."""
    _check_outside(session, cache, "clear_keys")
    yield from _with_keys(session, cache, keys, messages.ClearKeys, is_change=False)


def remove_all(session: Session, cache: CacheAccess) -> Operation[None]:
    """Remove every entry, one after the other; not within a transaction."""
    _check_outside(session, cache, "remove_all")
    yield from calls.call(session, messages.RemoveAll(cache.header()))


def clear(session: Session, cache: CacheAccess) -> Operation[None]:
    """Drop every entry, without telling listeners and stores; not within a transaction."""
    _check_outside(session, cache, "clear")
    yield from calls.call(session, messages.Clear(cache.header()))


def get_size(session: Session, cache: CacheAccess, peek_modes: Sequence[PeekMode] = ()) -> Operation[int]:
    """The number of entries in the copies that *peek_modes* name; without any, each entry is counted once."""
    modes = [PeekMode(mode) for mode in peek_modes]
    return _single(session, cache, messages.GetSize, modes, is_change=False)


def put_all_conflict(session: Session, cache: CacheAccess, entries: Sequence[ConflictEntry]) -> Operation[None]:
    """Set entries as another cluster has them, with their versions there."""
    _check_feature(session, Feature.DATA_REPLICATION_OPERATIONS, "put_all_conflict")
    return _single(session, cache, messages.PutAllConflict, entries, is_change=True)


def remove_all_conflict(
    session: Session, cache: CacheAccess, keys: Sequence[tuple[Any, EntryVersion]]
) -> Operation[None]:
    """Remove keys that another cluster has removed, with the versions of that."""
    _check_feature(session, Feature.DATA_REPLICATION_OPERATIONS, "remove_all_conflict")
    return _single(session, cache, messages.RemoveAllConflict, keys, is_change=True)


def invoke(
    session: Session, cache: CacheAccess, key: Any, processor: Any, arguments: Sequence[Any] = ()
) -> Operation[Any]:
    """Run *processor*, an object of a Java class that the servers have, on the entry of *key*; returns its result."""
    _check_feature(session, Feature.CACHE_INVOKE, "invoke")
    return with_class(
        session,
        processor,
        lambda: _single(session, cache, messages.Invoke, key, processor, arguments, cache.lossless, is_change=True),
    )


def invoke_all(
    session: Session, cache: CacheAccess, keys: Iterable[Any], processor: Any, arguments: Sequence[Any] = ()
) -> Operation[list[InvokeOutcome]]:
    """Run *processor* on the entry of each of *keys*; returns what it gave, or how it failed, for each."""
    _check_feature(session, Feature.CACHE_INVOKE, "invoke_all")
    items = list(keys)
    return with_class(
        session,
        processor,
        lambda: _single(
            session, cache, messages.InvokeAll, items, processor, arguments, cache.lossless, is_change=True
        ),
    )


# --- caches themselves ----------------------------------------------------------------------------------------


def cache_names(session: Session) -> Operation[list[str]]:
    """The names of all caches, those of SQL tables among them."""
    return calls.call(session, messages.CacheNames())


def create(session: Session, cache: str | CacheConfiguration) -> Operation[None]:
    """Create a cache by name or configuration; ProgrammingError if it exists."""
    explicit_transactions.check_none_open(session, "creating a cache")
    yield from _created(
        session, messages.CreateWithName(cache) if isinstance(cache, str) else messages.CreateWithConfiguration(cache)
    )


def get_or_create(session: Session, cache: str | CacheConfiguration) -> Operation[None]:
    """Create a cache by name or configuration, unless one of this name exists, whatever its configuration."""
    explicit_transactions.check_none_open(session, "creating a cache")
    yield from _created(
        session,
        messages.GetOrCreateWithName(cache) if isinstance(cache, str) else messages.GetOrCreateWithConfiguration(cache),
    )


def _created(session: Session, message: Message[None]) -> Operation[None]:
    try:
        yield from calls.call(session, message)
    except DatabaseError as error:
        if _REFUSED_CONFIGURATION not in str(error):
            raise
        raise ProgrammingError(
            f"the server refused the configuration of the cache ({error}); its log says why: a data region that it "
            f"does not have, for instance, or a value out of its range",
            status=error.status,
            code="cache_refused",
        ) from error


def get_configuration(session: Session, name: str) -> Operation[CacheConfiguration]:
    """Every property of the cache *name*."""
    return calls.call(session, messages.GetConfiguration(string_hash(name)))


def destroy(session: Session, name: str) -> Operation[None]:
    """Remove the cache *name* with all that it holds."""
    explicit_transactions.check_none_open(session, "destroying a cache")
    return calls.call(session, messages.Destroy(string_hash(name)))


def affinity(
    session: Session, caches: Iterable[str | int], *, with_custom_mappings: bool = False
) -> Operation[Affinity]:
    """Which node holds which partition of *caches*, given by names or ids."""
    ids = [string_hash(cache) if isinstance(cache, str) else cache for cache in caches]
    return calls.call(session, CachePartitions(ids, with_custom_mappings))


# --- how requests are made --------------------------------------------------------------------------------------


def within(
    session: Session, cache: CacheAccess, run: Callable[[int | None], Operation[T]], *, is_change: bool
) -> Operation[T]:
    """Let *run* do something with the id of the transaction that *cache* is used in, or None."""
    if cache.transaction is not None:
        return explicit_transactions.within(session, cache.transaction, run)
    return transactions.joined(session, run, is_change=is_change)


def _single(
    session: Session,
    cache: CacheAccess,
    message_class: Callable[[CacheHeader, *Fields], Message[T]],
    *fields: *Fields,
    is_change: bool,
) -> Operation[T]:
    """Make one request of *message_class*, with *fields* behind the header, in the transaction if there is one."""
    if session.autocommit and cache.transaction is None:
        return calls.call(session, message_class(cache.plain_header, *fields))
    return within(
        session,
        cache,
        lambda id_: calls.call(session, message_class(cache.header(id_), *fields)),
        is_change=is_change,
    )


def _with_keys(
    session: Session,
    cache: CacheAccess,
    keys: Iterable[Any],
    make: Callable[[CacheHeader, Batch], Message[T]],
    *,
    is_change: bool,
) -> Operation[list[T]]:
    items = list(keys)

    def encode(start: int, knowledge: Knowledge) -> Batch:
        return Batch.of_keys(items, start, knowledge, size_limit=_BATCH_SIZE, count_limit=_BATCH_KEYS)

    return _in_batches(session, cache, len(items), encode, make, is_change=is_change)


def _in_batches(
    session: Session,
    cache: CacheAccess,
    count: int,
    encode: Callable[[int, Knowledge], Batch],
    make: Callable[[CacheHeader, Batch], Message[T]],
    *,
    is_change: bool,
) -> Operation[list[T]]:
    """Send *count* items in as few requests as hold them, one after the other; returns the answers."""

    def run(transaction_id: int | None) -> Operation[list[T]]:
        header = cache.header(transaction_id)
        answers: list[T] = []
        start = 0
        while start < count:
            batch = yield from _encoded(session, encode, start)
            answers.append((yield from calls.call(session, make(header, batch))))
            start += batch.count
        return answers

    return within(session, cache, run, is_change=is_change)


def _encoded(session: Session, encode: Callable[[int, Knowledge], Batch], start: int) -> Operation[Batch]:
    while True:
        try:
            return encode(start, session.context.knowledge)
        except MissingFact as missing:
            fact = missing
        yield from facts.learn(session, fact)


def _taken(session: Session, page: Page) -> Operation[list[tuple[Any, ...]]]:
    while True:
        try:
            return page.take(page.row_count, session.context)
        except MissingFact as missing:
            fact = missing
        yield from facts.learn(session, fact)


def with_class(session: Session, instance: Any, run: Callable[[], Operation[T]]) -> Operation[T]:
    """Let *run* send *instance*, an object of a Java class, and name the class to the cluster if it asks for it."""
    try:
        return (yield from run())
    except DatabaseError as error:
        if _UNNAMED_CLASS not in str(error) or not isinstance(instance, BinaryObject) or instance.type_name is None:
            raise
    type_id = name_id(instance.type_name) if instance.type_id is None else instance.type_id
    yield from calls.call(session, ClassNamePut(type_id, instance.type_name))
    return (yield from run())


def _check_outside(session: Session, cache: CacheAccess, name: str) -> None:
    if cache.transaction is not None or not session.autocommit:
        raise NotSupportedError(
            f"{name} takes no part in transactions: it would take effect at once, and could not be rolled back; "
            f"use remove_keys, or do it outside of transactions, with autocommit",
            code="not_transactional",
        )


def _check_feature(session: Session, feature: Feature, name: str) -> None:
    if not session.context.has(feature):
        raise NotSupportedError(f"the server does not offer {name}", code="no_feature")
