"""Every option of a connection and of a statement, in one place.

Keywords of :func:`ignite_dbapi.connect`, the query part of a URL and environment variables all end in
:class:`ConnectOptions`; :class:`StatementOptions` is the part of it that one statement may override.
"""

from __future__ import annotations

import copy
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from ignite_dbapi.errors import InterfaceError

if TYPE_CHECKING:
    import ssl

DEFAULT_PORT: Final = 10800
URL_SCHEME: Final = "ignite"
ENVIRONMENT_PREFIX: Final = "IGNITE_DBAPI_"

QueryEngine = Literal["h2", "calcite"]
Address = tuple[str, int]

# Not urlsplit: its errors quote the URL, password and all, and it knows one host only.
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+._]*)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:\#.*)?",
    re.DOTALL,
)
_QUOTED_NAME: Final = re.compile(r'"((?:[^"]|"")+)"', re.DOTALL)
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


def _invalid(name: str, value: object, expected: str) -> InterfaceError:
    return InterfaceError(f"option {name!r}: {value!r} is not {expected}", code="invalid_option")


def _boolean(value: Any, _: Any, field: attrs.Attribute[Any]) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise _invalid(field.name, value, "one of true, false")


def _positive_integer(value: Any, _: Any, field: attrs.Attribute[Any]) -> int:
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError:
        number = None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**31:
        raise _invalid(field.name, value, "a whole number from 1 to 2147483647")
    return number


def _seconds(value: Any, _: Any, field: attrs.Attribute[Any]) -> float | None:
    if value is None or value in ("none", ""):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise _invalid(field.name, value, "a number of seconds") from None
    if isinstance(value, bool) or not 0 <= number < 2**31 / 1000:
        raise _invalid(field.name, value, "a number of seconds from 0 to 2147483")
    return number


def _seconds_to_wait(value: Any, _: Any, field: attrs.Attribute[Any]) -> float | None:
    number = _seconds(value, _, field)
    if number == 0:
        raise _invalid(field.name, value, "a number of seconds above 0, or None for waiting without end")
    return number


def _positive_seconds(value: Any, _: Any, field: attrs.Attribute[Any]) -> float:
    number = _seconds(value, _, field)
    if not number:
        raise _invalid(field.name, value, "a number of seconds above 0")
    return number


def _seconds_of_work(value: Any, _: Any, field: attrs.Attribute[Any]) -> float | None:
    number = _seconds(value, _, field)
    if number is not None and number > 1:
        raise _invalid(field.name, value, "a number of seconds from 0 to 1, for which the processor is kept busy")
    return number


def _tls_version(value: Any, _: Any, field: attrs.Attribute[Any]) -> str | None:
    if value is None or value == "":
        return None
    name = value.name if isinstance(value, Enum) else str(value)  # a member of ssl.TLSVersion
    number = name.upper().removeprefix("TLS").removeprefix("V").replace("_", ".")
    if number in ("1.2", "1.3"):
        return number
    raise _invalid(field.name, value, "one of 1.2, 1.3")


def _ssl_context(value: Any, _: Any, field: attrs.Attribute[Any]) -> ssl.SSLContext | None:
    if value is None:
        return None
    # Here, because loading OpenSSL takes a tenth of the time that importing the driver does.
    import ssl

    if isinstance(value, ssl.SSLContext):
        return value
    raise _invalid(field.name, value, "an ssl.SSLContext")


def _row_factory(value: Any, _: Any, field: attrs.Attribute[Any]) -> Callable[..., Any] | None:
    if value is None:
        return None
    if callable(value):
        factory: Callable[..., Any] = value
        return factory
    raise _invalid(field.name, value, "a function, such as ignite_dbapi.dict_row")


def _optional_text(value: Any, _: Any, field: attrs.Attribute[Any]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        if isinstance(path, str):
            return path
    raise _invalid(field.name, value, "text")


def _secret(value: Any, _: Any, field: attrs.Attribute[Any]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InterfaceError(f"option {field.name!r}: a {type(value).__name__} is not text", code="invalid_option")


def _engine(value: Any, _: Any, field: attrs.Attribute[Any]) -> QueryEngine | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.lower() in ("h2", "calcite"):
        return value.lower()  # type: ignore[return-value]
    raise _invalid(field.name, value, "one of h2, calcite" + _nearest(str(value), ("h2", "calcite")))


def _schema(value: Any, _: Any, field: attrs.Attribute[Any]) -> str:
    if not isinstance(value, str) or not value.strip('"'):
        raise _invalid(field.name, value, "the name of a schema")
    if not value.startswith('"'):
        return value.upper()
    quoted = _QUOTED_NAME.fullmatch(value)
    if quoted is None:
        raise _invalid(field.name, value, "a name with a double quote at its start and its end")
    return quoted.group(1).replace('""', '"')


def _timezone(value: Any, _: Any, field: attrs.Attribute[Any]) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    # Loaded here because it takes a twentieth of the time to import this package, and few have one.
    from zoneinfo import ZoneInfo

    if isinstance(value, ZoneInfo) and value.key:
        return value.key
    raise _invalid(field.name, value, "the name of a time zone, such as 'Europe/Berlin'")


def _partitions(value: Any, _: Any, field: attrs.Attribute[Any]) -> tuple[int, ...] | None:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            value = [int(part) for part in value.split(",")]
        numbers = tuple(map(operator.index, value))
    except (TypeError, ValueError):
        raise _invalid(field.name, value, "a list of partition numbers") from None
    if not numbers or not all(0 <= number < 65_536 for number in numbers):
        raise _invalid(field.name, value, "a list of at least one partition number")
    return numbers


def _addresses(value: Any, _: Any, field: attrs.Attribute[Any]) -> tuple[Address, ...]:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Iterable):
        raise _invalid(field.name, value, "a list of addresses: 'host', 'host:port' or (host, port)")
    return tuple(_address(item, field.name) for item in value)


def _address(value: Any, name: str) -> Address:
    if isinstance(value, str):
        return parse_address(value)
    try:
        host, port = value
        if not isinstance(host, str):
            raise TypeError
        return _checked_address(host, int(port) if isinstance(port, str) else operator.index(port), value)
    except (TypeError, ValueError):
        raise _invalid(name, value, "an address: 'host', 'host:port' or (host, port)") from None


def parse_address(text: str) -> Address:
    """``host``, ``host:port``, ``[ipv6]`` or ``[ipv6]:port`` as (host, port)."""
    text = text.strip()
    if "@" in text:
        # Nothing of the text is shown: a password may stand in it.
        raise InterfaceError(
            "option 'addresses': an address holds no user and password; they are options of their own",
            code="invalid_option",
        )
    host, colon, port = text.rpartition(":")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not bracket or colon not in ("", ":"):
            raise _invalid("addresses", text, "an address: '[ipv6]' or '[ipv6]:port'")
    elif not colon or text.count(":") > 1:
        host, colon, port = text, "", ""
    try:
        return _checked_address(host, int(port) if colon else DEFAULT_PORT, text)
    except ValueError:
        raise _invalid("addresses", text, "an address: 'host' or 'host:port'") from None


def _checked_address(host: str, port: int, value: object) -> Address:
    if not host or any(character.isspace() for character in host):
        raise _invalid("addresses", value, "an address: the host is missing or malformed")
    if not 0 < port < 65_536:
        raise _invalid("addresses", value, "an address: ports go from 1 to 65535")
    return host, port


def _option(converter: Callable[..., Any], default: Any, doc: str, **more: Any) -> Any:
    """A field with its documentation; values may come as text, from a URL or the environment."""
    return attrs.field(
        default=default,
        converter=attrs.Converter(converter, takes_self=True, takes_field=True),
        metadata={"doc": doc},
        **more,
    )


@attrs.frozen(kw_only=True)
class StatementOptions:
    """How a statement is run. Each may be given to ``connect`` and be overridden at ``execute``."""

    schema: str = _option(
        _schema,
        "PUBLIC",
        "Where unqualified names are looked up. Folded to upper case like any SQL name, unless it stands in "
        "double quotes: '\"myCache\"'.",
    )
    query_engine: QueryEngine | None = _option(  # noqa: RUF009 - an attrs field
        _engine,
        None,
        "The SQL engine: 'h2' or 'calcite'; None leaves it to the node. The choice travels as a comment in "
        "front of the statement.",
    )
    page_size: int = _option(
        _positive_integer, 4096, "Rows per answer of the server. The next page is requested one ahead."
    )
    timeout: float | None = _option(
        _seconds,
        None,
        "Seconds that a statement may take on the server; 0: no limit; None: the server's default.",
    )
    lazy: bool = _option(
        _boolean, True, "Whether the H2 engine produces rows as they are fetched rather than all at once."
    )
    distributed_joins: bool = _option(
        _boolean, False, "H2: join tables that are not collocated, over the network, rather than wrongly."
    )
    enforce_join_order: bool = _option(_boolean, False, "H2: join in the order in which the tables stand.")
    collocated: bool = _option(_boolean, False, "H2: promise that rows of the same group lie on the same node.")
    local: bool = _option(_boolean, False, "Read only what lies on the node that is connected to.")
    partitions: tuple[int, ...] | None = _option(_partitions, None, "Read only these partitions of the tables.")
    ordered: bool = _option(
        _boolean,
        True,
        "Whether executemany keeps the order of its parameter sets. False: several are always under way at once, and "
        "sets that concern the same row take effect in any order.",
    )


@attrs.frozen(kw_only=True)
class ConnectOptions(StatementOptions):
    """Every option of a connection. Times are in seconds."""

    addresses: tuple[Address, ...] = _option(
        _addresses,
        (("127.0.0.1", DEFAULT_PORT),),
        "The nodes, as 'host:port' or (host, port); they are tried in this order until one answers.",
    )
    user: str | None = _option(_optional_text, None, "The user's name, where the cluster has authentication.")
    password: str | None = _option(_secret, None, "The user's password. It is never shown in any text.", repr=False)
    timezone: str | None = _option(
        _timezone,
        None,
        "The time zone in which DATE, TIME and TIMESTAMP are read and written, an IANA name; None: the "
        "server's own, which is what SQL shows.",
    )
    connect_timeout: float | None = _option(
        _seconds_to_wait, 10.0, "Seconds for reaching a node and for its answer to the handshake."
    )
    request_timeout: float | None = _option(
        _seconds_to_wait,
        None,
        "Seconds without a byte from the server, while one waits for an answer, after which the connection "
        "is given up; None: wait. It must be longer than the longest statement.",
    )
    busy_wait: float | None = _option(
        _seconds_of_work,
        None,
        "Seconds that a thread looks for an answer before it sleeps until there is one, as long as that saves time and "
        "nobody else needs the processor; None: 0.0002 for a node on this machine, 0 for others; 0: never. asyncio has "
        "no use for it.",
    )
    heartbeat_interval: float | None = _option(
        _seconds,
        None,
        "Seconds without a request after which a heartbeat is sent, so that neither the server nor a firewall closes "
        "the connection; None: as often as the server's idle timeout makes it necessary; 0: never.",
    )
    tls: bool = _option(_boolean, False, "Encrypt the connection.")
    tls_ca_file: str | None = _option(
        _optional_text, None, "PEM file with the certificates to trust; None: the system's."
    )
    tls_cert_file: str | None = _option(_optional_text, None, "PEM file with the client's own certificate.")
    tls_key_file: str | None = _option(
        _optional_text, None, "PEM file with the client's key, if it is not in tls_cert_file."
    )
    tls_key_password: str | None = _option(
        _secret, None, "The password of the client's key. It is never shown in any text.", repr=False
    )
    tls_version: str | None = _option(
        _tls_version, None, "The only version of TLS to speak, '1.2' or '1.3'; None: the best that both sides have."
    )
    tls_ciphers: str | None = _option(
        _optional_text, None, "The ciphers that TLS 1.2 may use, in OpenSSL's notation; None: Python's choice."
    )
    tls_check_hostname: bool = _option(
        _boolean, True, "Whether the server's certificate must name the host that was connected to."
    )
    tls_verify: bool = _option(_boolean, True, "Whether the server's certificate must be trusted at all.")
    ssl_context: ssl.SSLContext | None = _option(  # noqa: RUF009
        _ssl_context, None, "A ready SSLContext, instead of the tls_ options; implies tls.", repr=False
    )
    row_factory: Callable[..., Any] | None = _option(  # noqa: RUF009
        _row_factory,
        None,
        "What makes a row of a tuple: ignite_dbapi.tuple_row (default), dict_row, namedtuple_row, or a "
        "function that takes the cursor and returns one that takes the tuple.",
    )
    autocommit: bool = _option(
        _boolean,
        True,
        "Whether each statement takes effect by itself. False: the statements until commit() or rollback() are a "
        "transaction, where the server has transaction-aware SQL.",
    )
    transaction_timeout: float = _option(
        _positive_seconds,
        60.0,
        "Seconds after which the server rolls a transaction back. It is never without limit: a forgotten "
        "transaction would block others forever.",
    )
    transaction_label: str | None = _option(
        _optional_text, None, "A name for the transactions, shown in SYS.TRANSACTIONS."
    )

    def __attrs_post_init__(self) -> None:
        if not self.addresses:
            raise InterfaceError("option 'addresses': at least one address is needed", code="invalid_option")
        if self.password is not None and self.user is None:
            raise InterfaceError("option 'password' was given without 'user'", code="invalid_option")

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.tls or self.ssl_context is not None

    @property
    def statement(self) -> StatementOptions:
        """The part that one statement may override."""
        return self

    @classmethod
    def build(
        cls,
        url: str | None = None,
        keywords: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] = {},
    ) -> ConnectOptions:
        """From *keywords*, then *url*, then *environment*: what comes first wins.

        ``host`` and ``port`` are taken as one more way to say ``addresses``. Environment variables are named
        ``IGNITE_DBAPI_URL`` and ``IGNITE_DBAPI_<OPTION>``.
        """
        values = _from_environment(environment)
        if url is None:
            url = environment.get(f"{ENVIRONMENT_PREFIX}URL") or None
        if url is not None:
            values |= parse_url(url)
        values |= _addresses_from_host(dict(keywords or {}))
        check_names(values, OPTION_NAMES)
        return cls(**values)

    @classmethod
    def from_url(cls, url: str) -> ConnectOptions:
        """The options that *url* says: ``ignite://user:password@host:10800,host2/SCHEMA?option=value``."""
        return cls.build(url)


def override(options: StatementOptions, overrides: Mapping[str, Any]) -> StatementOptions:
    """*options* with *overrides*, checked; the same object if there are none."""
    if not overrides:
        return options
    check_names(overrides, STATEMENT_OPTION_NAMES)
    # Only what is overridden is converted: a schema that stood in quotes is not to be taken for one without.
    converted = StatementOptions(**overrides)
    result = copy.copy(options)
    for name in overrides:
        object.__setattr__(result, name, getattr(converted, name))
    return result


def _addresses_from_host(keywords: dict[str, Any]) -> dict[str, Any]:
    host, port = keywords.pop("host", None), keywords.pop("port", None)
    if host is None and port is None:
        return keywords
    if "addresses" in keywords:
        raise InterfaceError("give either 'addresses' or 'host' and 'port'", code="invalid_option")
    if port is None and isinstance(host, str):
        keywords["addresses"] = host
    else:
        keywords["addresses"] = [(host or "127.0.0.1", DEFAULT_PORT if port is None else port)]
    return keywords


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: environment[f"{ENVIRONMENT_PREFIX}{name.upper()}"]
        for name in OPTION_NAMES
        if f"{ENVIRONMENT_PREFIX}{name.upper()}" in environment
    }


def parse_url(url: str) -> dict[str, Any]:
    """The options in *url*, as text. The url itself never appears in an error: it may hold a password."""
    try:
        parts = _URL.fullmatch(url)
    except TypeError:  # not text
        parts = None
    if parts is None or parts["scheme"].lower().partition("+")[0] != URL_SCHEME:
        raise InterfaceError(
            "the URL is no URL of this driver; it should look like "
            "ignite://user:password@host:10800,host2:10801/SCHEMA?option=value",
            code="invalid_url",
        )
    # Loaded here because it takes a fortieth of the time to import this package.
    from urllib.parse import parse_qsl, unquote

    values: dict[str, Any] = {}
    credentials, at, hosts = parts["authority"].rpartition("@")
    if at:
        user, colon, password = credentials.partition(":")
        if user:
            values["user"] = unquote(user)
        if colon:
            values["password"] = unquote(password)
    if hosts:
        try:
            values["addresses"] = tuple(parse_address(unquote(host)) for host in hosts.split(","))
        except InterfaceError:
            raise InterfaceError(
                "the URL's hosts are malformed; they look like host:10800,[::1]:10801, and the characters "
                ":/?#[]@ within a user or password are written as %3A%2F%3F%23%5B%5D%40",
                code="invalid_url",
            ) from None
    schema = unquote((parts["path"] or "").strip("/"))
    if schema:
        values["schema"] = schema
    for name, value in parse_qsl(parts["query"] or "", keep_blank_values=True):
        if name in values and name not in ("addresses",):
            raise InterfaceError(f"option {name!r} stands twice in the URL", code="invalid_url")
        values[name] = value
    if "host" in values or "port" in values:
        values = _addresses_from_host({name: value for name, value in values.items() if name != "addresses"})
    return values


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise InterfaceError for the first of *names* that is not *known*, with the nearest that is."""
    known = sorted(known)
    for name in names:
        if name not in known:
            raise InterfaceError(f"unknown option {name!r}{_nearest(name, known)}", code="unknown_option")


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib

    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]!r}?" if nearest else f"; there are: {', '.join(known)}"


OPTION_NAMES: Final = tuple(field.name for field in attrs.fields(ConnectOptions))
STATEMENT_OPTION_NAMES: Final = tuple(field.name for field in attrs.fields(StatementOptions))
