"""Options of pytest that point the key-value tests at a cluster that runs already, in place of nodes of their own."""

from __future__ import annotations

import itertools
import ssl
from typing import Any, Final
from urllib.parse import quote, urlencode

import attrs
import pytest

from ignite_dbapi.options import Address

# Each option, the argument of a client that it gives, and the option of a URL.
_FILES_AND_MORE: Final = {
    "--ssl-certfile": ("ssl_certfile", "tls_cert_file", "the client's certificate"),
    "--ssl-keyfile": ("ssl_keyfile", "tls_key_file", "the key of that certificate"),
    "--ssl-ca-certfile": ("ssl_ca_certfile", "tls_ca_file", "the authority that has signed the server's certificate"),
    "--ssl-ciphers": ("ssl_ciphers", "tls_ciphers", "ciphers of OpenSSL"),
}
_VERSIONS: Final = {"TLSV1_2": "1.2", "TLSV1_3": "1.3"}


@attrs.frozen
class OwnCluster:
    """A cluster of the user's own: where it is, and what clients and URLs need for it."""

    addresses: list[Address]
    client_arguments: dict[str, Any] = attrs.field(repr=False)
    url: str = attrs.field(repr=False)

    def __str__(self) -> str:
        ((host, port),) = self.addresses
        return f"{host}:{port}"


def add_options(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("ignite-cluster", "an Apache Ignite cluster that runs already, for the key-value tests")
    group.addoption("--ignite-host", action="append", help="its host (127.0.0.1); may be repeated")
    group.addoption("--ignite-port", action="append", type=int, help="its client port (10800); may be repeated")
    group.addoption("--use-ssl", action="store_true", help="connect to it with TLS")
    for option, (_, _, text) in _FILES_AND_MORE.items():
        group.addoption(option, help=text)
    group.addoption(
        "--ssl-cert-reqs",
        choices=("NONE", "OPTIONAL", "REQUIRED"),
        help="whether the server's certificate is checked (REQUIRED)",
    )
    group.addoption("--ssl-version", choices=tuple(_VERSIONS), help="the version of TLS (the newest of both sides)")
    group.addoption("--username", help="user")
    group.addoption("--password", help="password of the user")
    group.addoption("--examples", action="store_true", help="run all examples as programs, as one test")


def configure(config: pytest.Config) -> None:
    """Take ``--timeout`` as the clients' timeout, if the tests are for a cluster of the user's own.

    The option belongs to pytest-timeout, to which it is the time limit of each test. Tests of a cluster keep the limit
    of the ini file. To be called before that plugin is configured.
    """
    if is_given(config):
        config.stash[_TIMEOUT] = config.getoption("--timeout")
        config.option.timeout = None
    elif any(config.getoption(name) for name in ("--use-ssl", "--username", "--password", *_FILES_AND_MORE)):
        raise pytest.UsageError("options of a cluster were given, but neither --ignite-host nor --ignite-port")


_TIMEOUT: Final = pytest.StashKey[float | None]()


def is_given(config: pytest.Config) -> bool:
    """Whether there is a cluster of the user's own."""
    return bool(config.getoption("--ignite-host") or config.getoption("--ignite-port"))


def clusters(config: pytest.Config) -> list[OwnCluster]:
    """What the options name: each host with each port."""
    if not is_given(config):
        return []
    hosts = config.getoption("--ignite-host") or ["127.0.0.1"]
    ports = config.getoption("--ignite-port") or [10800]
    arguments, query = _of_clients(config)
    user, password = config.getoption("--username"), config.getoption("--password")
    login = "" if user is None else f"{quote(user, safe='')}:{quote(password or '', safe='')}@"
    return [
        OwnCluster([(host, port)], arguments, f"ignite://{login}{host}:{port}?{urlencode(query)}")
        for host, port in itertools.product(hosts, ports)
    ]


def _of_clients(config: pytest.Config) -> tuple[dict[str, Any], dict[str, str]]:
    use_ssl = config.getoption("--use-ssl")
    arguments: dict[str, Any] = {
        "use_ssl": use_ssl,
        "username": config.getoption("--username"),
        "password": config.getoption("--password"),
        "timeout": config.stash[_TIMEOUT],
    }
    query = {"tls": str(use_ssl).lower()}
    if config.stash[_TIMEOUT] is not None:
        query["request_timeout"] = str(config.stash[_TIMEOUT])
    for option, (argument, name, _) in _FILES_AND_MORE.items():
        value = config.getoption(option)
        if value is not None:
            arguments[argument] = query[name] = value
    checks = config.getoption("--ssl-cert-reqs")
    if checks is not None:
        arguments["ssl_cert_reqs"] = ssl.VerifyMode[f"CERT_{checks}"]
        query["tls_verify"] = str(checks != "NONE").lower()
    version = config.getoption("--ssl-version")
    if version is not None:
        arguments["ssl_version"] = query["tls_version"] = _VERSIONS[version]
    return {name: value for name, value in arguments.items() if value is not None}, query
