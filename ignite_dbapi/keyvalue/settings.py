"""What programs say about connections and caches, in the driver's own terms."""

from __future__ import annotations

import difflib
import itertools
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ignite_dbapi.errors import InterfaceError, ProgrammingError
from ignite_dbapi.keyvalue.constants import IGNITE_DEFAULT_HOST, IGNITE_DEFAULT_PORT
from ignite_dbapi.keyvalue.datatypes.expiry_policy import ExpiryPolicy
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_EXPIRY_POLICY, PROP_NAME
from ignite_dbapi.keyvalue.exceptions import ParameterError
from ignite_dbapi.options import Address, ConnectOptions
from ignite_dbapi.protocol.messages.cache_configuration import CacheConfiguration

# What a client takes, and the option of the driver that it means.
_OPTIONS: Final[Mapping[str, str]] = {
    "username": "user",
    "password": "password",
    "timeout": "request_timeout",
    "handshake_timeout": "connect_timeout",
    "use_ssl": "tls",
    "ssl_version": "tls_version",
    "ssl_ciphers": "tls_ciphers",
    "ssl_keyfile": "tls_key_file",
    "ssl_keyfile_password": "tls_key_password",
    "ssl_certfile": "tls_cert_file",
    "ssl_ca_certfile": "tls_ca_file",
    "ssl_check_hostname": "tls_check_hostname",
    "ssl_context": "ssl_context",
    "timezone": "timezone",
    "busy_wait": "busy_wait",
    "heartbeat_interval": "heartbeat_interval",
    "transaction_timeout": "transaction_timeout",
}
_KNOWN: Final = frozenset({*_OPTIONS, "ssl_cert_reqs"})
# Not within a path.
_TLS_OPTION: Final = re.compile(r"(?<![\w/\\.-])tls_\w+(?:=false)?")
_TLS_PARAMETERS: Final = {option: name for name, option in _OPTIONS.items() if option.startswith("tls_")} | {
    "tls_verify=false": "ssl_cert_reqs=ssl.CERT_NONE"
}


def connect_options(arguments: Mapping[str, Any], addresses: Iterable[Address]) -> ConnectOptions:
    """The options of a connection from the keyword *arguments* of a client. Raises ParameterError."""
    for name in arguments:
        if name not in _KNOWN:
            nearest = difflib.get_close_matches(name, _KNOWN, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are: {', '.join(sorted(_KNOWN))}"
            raise ParameterError(f"unknown parameter {name!r} of a client; {hint}", code="unknown_option")
    options: dict[str, Any] = {
        _OPTIONS[name]: value for name, value in arguments.items() if name in _OPTIONS and value is not None
    }
    if "tls_version" in options:
        options["tls_version"] = _tls_version(options["tls_version"])
    if options.get("user") is not None:
        # Who sends a password wants it encrypted, unless he says otherwise.
        options.setdefault("tls", True)
    if arguments.get("ssl_cert_reqs") is not None:
        # For a client, "optional" is as good as "required": servers always show a certificate.
        options["tls_verify"] = _verify_mode(arguments["ssl_cert_reqs"]) is not ssl.CERT_NONE
    if options.get("tls_key_file") is not None and options.get("tls_cert_file") is None:
        raise ParameterError("'ssl_keyfile' was given without 'ssl_certfile'", code="invalid_option")
    try:
        return ConnectOptions(addresses=tuple(addresses), **options)
    except InterfaceError as error:
        raise ParameterError(in_terms_of_clients(str(error)), code=error.code) from None


def _tls_version(value: Any) -> Any:
    """A constant such as ``ssl.PROTOCOL_TLSv1_2`` by the name of its version; those without one mean any."""
    if not isinstance(value, type(ssl.PROTOCOL_TLS)):
        return value
    name = value.name.removeprefix("PROTOCOL_")
    return name if "v" in name else None


def _verify_mode(value: Any) -> ssl.VerifyMode:
    try:
        return ssl.VerifyMode[value] if isinstance(value, str) else ssl.VerifyMode(value)
    except (KeyError, ValueError):
        raise ParameterError(
            f"parameter 'ssl_cert_reqs': {value!r} is not one of ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED",
            code="invalid_option",
        ) from None


def in_terms_of_clients(text: str) -> str:
    """The *text* of an error with the parameters of clients in place of the driver's options."""
    for name, option in _OPTIONS.items():
        text = text.replace(f"option {option!r}", f"parameter {name!r}")
    return _TLS_OPTION.sub(lambda found: _TLS_PARAMETERS.get(found[0], found[0]), text)


def connect_addresses(arguments: tuple[Any, ...]) -> tuple[list[Address], Iterator[Address] | None]:
    """The addresses that the *arguments* of ``connect`` name, and the order to try them in if it is the caller's.

    There may be no arguments, a host, a host and a port, a list of pairs (host, port), or anything else that gives
    pairs one by one, which is then asked for the next one whenever a connection is needed.
    """
    if not arguments:
        return [(IGNITE_DEFAULT_HOST, IGNITE_DEFAULT_PORT)], None
    if isinstance(arguments[0], str) and len(arguments) <= 2:
        host, port = (*arguments, IGNITE_DEFAULT_PORT)[:2]
        return [(host, port)], None
    if len(arguments) == 1 and isinstance(arguments[0], (list, tuple, set, frozenset)):
        if not arguments[0]:
            raise ParameterError("connect() was given an empty list of nodes", code="invalid_option")
        return list(arguments[0]), None
    if len(arguments) == 1 and isinstance(arguments[0], Iterable):
        nodes = iter(arguments[0])
        for first in nodes:
            return [first], itertools.chain([first], nodes)
        raise ParameterError("connect() was given no nodes", code="invalid_option")
    raise ParameterError(
        f"connect() takes a host and a port, or a list of pairs (host, port); not {arguments!r}", code="invalid_option"
    )


def cache_name(settings: Any) -> str:
    """The name of a cache, from its name or from a dict that has nothing but it."""
    name, configuration = cache_configuration(settings)
    if configuration is not None:
        raise ParameterError(
            "Only cache name allowed as a parameter: other properties are set when a cache is created",
            code="cache_property",
        )
    return name


def cache_configuration(settings: Any) -> tuple[str, CacheConfiguration | None]:
    """The name of a cache, and its other properties if *settings* is a dict that has them. Raises ParameterError."""
    if isinstance(settings, str) and settings:
        return settings, None
    if isinstance(settings, CacheConfiguration) and settings.name:
        return settings.name, settings
    name = settings.get(PROP_NAME) if isinstance(settings, Mapping) else None
    if not isinstance(name, str) or not name:
        raise ParameterError(
            "You should supply at least cache name: text, or a dict of properties with PROP_NAME", code="cache_property"
        )
    if len(settings) == 1:
        return name, None
    try:
        return name, CacheConfiguration.from_properties(settings)
    except ProgrammingError as error:
        raise ParameterError(str(error), code=error.code) from None


def cache_properties(configuration: CacheConfiguration) -> dict[int, Any]:
    """The properties of a cache by their codes."""
    properties = configuration.as_properties()
    expiry = configuration.expiry_policy
    if expiry is not None:
        properties[PROP_EXPIRY_POLICY] = ExpiryPolicy(create=expiry.create, update=expiry.update, access=expiry.access)
    return properties
