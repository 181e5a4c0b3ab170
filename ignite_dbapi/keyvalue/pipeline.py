"""Operations on the entries of a cache that are sent without waiting for each answer."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

from ignite_dbapi.errors import Error
from ignite_dbapi.keyvalue.exceptions import translated
from ignite_dbapi.keyvalue.owners import AwaitingOwner, BlockingOwner, Owner
from ignite_dbapi.operations import pipelining
from ignite_dbapi.operations.pipelining import Step
from ignite_dbapi.protocol.exchange import Operation

T = TypeVar("T")

#: Operations under way at once, unless a program says otherwise.
WINDOW: Final = pipelining.LARGEST_WINDOW


class _Attributes:
    """What both kinds of pipelines are, without waiting for anything."""

    _owner: Owner

    def __init__(self, cache: Any, window: int) -> None:
        self._cache = cache
        self._owner = cache._owner
        try:
            self._pipeline = pipelining.Pipeline(self._owner._new_lock(), window)
        except Error as error:
            raise translated(error, "cache") from None

    def _step(self, operation: Operation[T], key: Any, key_hint: Any, *, is_read: bool = False) -> Operation[Step[T]]:
        plain = self._owner.conversion.value(key, key_hint)
        return self._pipeline.start(operation, plain, self._owner._router.knowledge, is_read=is_read)

    def _end(self, *, has_failed: bool) -> Operation[None]:
        return self._pipeline.abandon() if has_failed else self._pipeline.close()


class Pipelined(Generic[T]):
    """An operation that was started in a pipeline, and what comes of it."""

    def __init__(self, pipeline: Pipeline, step: Step[T]) -> None:
        self._pipeline = pipeline
        self._step = step

    @property
    def is_done(self) -> bool:
        """Whether it is known what the operation has done, so that nobody has to wait for it."""
        return self._step.is_done

    def result(self) -> T:
        """What the operation of the cache returns, which is waited for; raises the error that it failed with."""
        return self._pipeline._owner._run(self._pipeline._pipeline.outcome(self._step))

    def exception(self) -> BaseException | None:
        """The error that the operation failed with, which is waited for; None if it succeeded."""
        try:
            self.result()
        except Exception as error:
            return error
        return None


class Pipeline(_Attributes):
    """Operations on the entries of a cache, sent without waiting for each answer; made by :meth:`Cache.pipeline`.

    Its methods are those of the cache, and give a :class:`Pipelined`, whose ``result()`` is there when the block of the
    pipeline has ended, or is waited for. What servers do at the same time has no order, so that an operation waits for
    those before it on the same key; operations on different keys may take effect in any order. Those of a transaction
    are made one after the other. A pipeline belongs to the thread that uses it.

    An operation that fails does not keep later ones from being made. Its error is raised by ``result()``; at the end of
    the block the first error is raised that the program has not asked for.
    """

    _owner: BlockingOwner

    def _started(self, operation: Operation[T], key: Any, key_hint: Any, *, is_read: bool = False) -> Pipelined[T]:
        return Pipelined(self, self._owner._run(self._step(operation, key, key_hint, is_read=is_read)))

    def get(self, key: Any, key_hint: Any = None) -> Pipelined[Any]:
        """The value of *key*, or None."""
        return self._started(self._cache._get(key, key_hint), key, key_hint, is_read=True)

    def contains_key(self, key: Any, key_hint: Any = None) -> Pipelined[bool]:
        """Whether *key* has a value."""
        return self._started(self._cache._contains_key(key, key_hint), key, key_hint, is_read=True)

    def put(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> Pipelined[None]:
        """Set the value of *key*."""
        return self._started(self._cache._put(key, value, key_hint, value_hint), key, key_hint)

    def put_if_absent(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> Pipelined[bool]:
        """Set the value of *key* if it has none; tells whether it was set."""
        return self._started(self._cache._put_if_absent(key, value, key_hint, value_hint), key, key_hint)

    def get_and_put(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> Pipelined[Any]:
        """Set the value of *key*; gives the one before, or None."""
        return self._started(self._cache._get_and_put(key, value, key_hint, value_hint), key, key_hint)

    def get_and_put_if_absent(
        self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None
    ) -> Pipelined[Any]:
        """Set the value of *key* if it has none; gives the one that it has, or None."""
        return self._started(self._cache._get_and_put_if_absent(key, value, key_hint, value_hint), key, key_hint)

    def get_and_replace(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> Pipelined[Any]:
        """Set the value of *key* if it has one; gives the one before, or None."""
        return self._started(self._cache._get_and_replace(key, value, key_hint, value_hint), key, key_hint)

    def get_and_remove(self, key: Any, key_hint: Any = None) -> Pipelined[Any]:
        """Remove *key*; gives its value, or None."""
        return self._started(self._cache._get_and_remove(key, key_hint), key, key_hint)

    def replace(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> Pipelined[bool]:
        """Set the value of *key* if it has one; tells whether it was set."""
        return self._started(self._cache._replace(key, value, key_hint, value_hint), key, key_hint)

    def replace_if_equals(
        self, key: Any, sample: Any, value: Any, key_hint: Any = None, sample_hint: Any = None, value_hint: Any = None
    ) -> Pipelined[bool]:
        """Set the value of *key* if it has the value *sample*; tells whether it was set."""
        return self._started(
            self._cache._replace_if_equals(key, sample, value, key_hint, sample_hint, value_hint), key, key_hint
        )

    def remove_key(self, key: Any, key_hint: Any = None) -> Pipelined[bool]:
        """Remove *key*; tells whether it had a value."""
        return self._started(self._cache._remove_key(key, key_hint), key, key_hint)

    def remove_if_equals(self, key: Any, sample: Any, key_hint: Any = None, sample_hint: Any = None) -> Pipelined[bool]:
        """Remove *key* if it has the value *sample*; tells whether it was removed."""
        return self._started(self._cache._remove_if_equals(key, sample, key_hint, sample_hint), key, key_hint)

    def clear_key(self, key: Any, key_hint: Any = None) -> Pipelined[None]:
        """Drop the entry of *key*, without telling listeners and stores."""
        return self._started(self._cache._clear_key(key, key_hint), key, key_hint)

    def sync(self) -> None:
        """Wait until everything that was started is done. No error is raised here."""
        self._owner._run(self._pipeline.settle())

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._owner._run(self._end(has_failed=kind is not None))


class AioPipelined(Generic[T]):
    """An operation that was started in a pipeline; awaiting it gives what comes of it."""

    def __init__(self, pipeline: AioPipeline, step: Step[T]) -> None:
        self._pipeline = pipeline
        self._step = step

    @property
    def is_done(self) -> bool:
        """Whether it is known what the operation has done, so that nobody has to wait for it."""
        return self._step.is_done

    def __await__(self) -> Generator[Any, None, T]:
        return self._pipeline._owner._run(self._pipeline._pipeline.outcome(self._step)).__await__()


class AioPipeline(_Attributes):
    """Operations on the entries of a cache, sent without waiting for each answer; made by :meth:`AioCache.pipeline`.

    Its methods are those of :class:`Pipeline`. Awaiting one sends the request, and waits only if it has to wait for
    others; it gives an :class:`AioPipelined`, which can be awaited for what comes of it.
    """

    _owner: AwaitingOwner

    async def _started(
        self, operation: Operation[T], key: Any, key_hint: Any, *, is_read: bool = False
    ) -> AioPipelined[T]:
        return AioPipelined(self, await self._owner._run(self._step(operation, key, key_hint, is_read=is_read)))

    async def get(self, key: Any, key_hint: Any = None) -> AioPipelined[Any]:
        """The value of *key*, or None."""
        return await self._started(self._cache._get(key, key_hint), key, key_hint, is_read=True)

    async def contains_key(self, key: Any, key_hint: Any = None) -> AioPipelined[bool]:
        """Whether *key* has a value."""
        return await self._started(self._cache._contains_key(key, key_hint), key, key_hint, is_read=True)

    async def put(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> AioPipelined[None]:
        """Set the value of *key*."""
        return await self._started(self._cache._put(key, value, key_hint, value_hint), key, key_hint)

    async def put_if_absent(
        self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None
    ) -> AioPipelined[bool]:
        """Set the value of *key* if it has none; tells whether it was set."""
        return await self._started(self._cache._put_if_absent(key, value, key_hint, value_hint), key, key_hint)

    async def get_and_put(
        self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None
    ) -> AioPipelined[Any]:
        """Set the value of *key*; gives the one before, or None."""
        return await self._started(self._cache._get_and_put(key, value, key_hint, value_hint), key, key_hint)

    async def get_and_put_if_absent(
        self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None
    ) -> AioPipelined[Any]:
        """Set the value of *key* if it has none; gives the one that it has, or None."""
        return await self._started(self._cache._get_and_put_if_absent(key, value, key_hint, value_hint), key, key_hint)

    async def get_and_replace(
        self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None
    ) -> AioPipelined[Any]:
        """Set the value of *key* if it has one; gives the one before, or None."""
        return await self._started(self._cache._get_and_replace(key, value, key_hint, value_hint), key, key_hint)

    async def get_and_remove(self, key: Any, key_hint: Any = None) -> AioPipelined[Any]:
        """Remove *key*; gives its value, or None."""
        return await self._started(self._cache._get_and_remove(key, key_hint), key, key_hint)

    async def replace(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> AioPipelined[bool]:
        """Set the value of *key* if it has one; tells whether it was set."""
        return await self._started(self._cache._replace(key, value, key_hint, value_hint), key, key_hint)

    async def replace_if_equals(
        self, key: Any, sample: Any, value: Any, key_hint: Any = None, sample_hint: Any = None, value_hint: Any = None
    ) -> AioPipelined[bool]:
        """Set the value of *key* if it has the value *sample*; tells whether it was set."""
        return await self._started(
            self._cache._replace_if_equals(key, sample, value, key_hint, sample_hint, value_hint), key, key_hint
        )

    async def remove_key(self, key: Any, key_hint: Any = None) -> AioPipelined[bool]:
        """Remove *key*; tells whether it had a value."""
        return await self._started(self._cache._remove_key(key, key_hint), key, key_hint)

    async def remove_if_equals(
        self, key: Any, sample: Any, key_hint: Any = None, sample_hint: Any = None
    ) -> AioPipelined[bool]:
        """Remove *key* if it has the value *sample*; tells whether it was removed."""
        return await self._started(self._cache._remove_if_equals(key, sample, key_hint, sample_hint), key, key_hint)

    async def clear_key(self, key: Any, key_hint: Any = None) -> AioPipelined[None]:
        """Drop the entry of *key*, without telling listeners and stores."""
        return await self._started(self._cache._clear_key(key, key_hint), key, key_hint)

    async def sync(self) -> None:
        """Wait until everything that was started is done. No error is raised here."""
        await self._owner._run(self._pipeline.settle())

    async def __aenter__(self) -> AioPipeline:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._owner._run(self._end(has_failed=kind is not None))
