"""Every option, however it is said: keywords, URL, environment."""

from __future__ import annotations

import pathlib
import pickle
import ssl
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_dbapi.errors import InterfaceError
from ignite_dbapi.options import (
    OPTION_NAMES,
    STATEMENT_OPTION_NAMES,
    ConnectOptions,
    StatementOptions,
    override,
    parse_address,
    parse_url,
)
from ignite_dbapi.rows import dict_row

SECRET = "s3cr3t-w0rd"


def build(**keywords: Any) -> ConnectOptions:
    return ConnectOptions.build(keywords=keywords)


def test_defaults() -> None:
    options = ConnectOptions.build()
    assert options == ConnectOptions()
    assert options.addresses == (("127.0.0.1", 10800),)
    assert (options.schema, options.query_engine, options.page_size, options.timeout) == (
        "PUBLIC",
        None,
        4096,
        None,
    )
    assert (options.lazy, options.tls, options.uses_tls, options.autocommit) == (True, False, False, True)
    assert options.statement is options


# Each option: how it may be said as text, in Python, and what it comes to.
CONVERSIONS: list[tuple[str, Any, Any]] = [
    ("schema", "public", "PUBLIC"),
    ("schema", '"myCache"', "myCache"),
    ("schema", '"a""b"', 'a"b'),
    ("query_engine", "H2", "h2"),
    ("query_engine", "calcite", "calcite"),
    ("query_engine", "", None),
    ("page_size", "500", 500),
    ("timeout", "1.5", 1.5),
    ("timeout", "0", 0.0),
    ("timeout", "none", None),
    ("lazy", "no", False),
    ("distributed_joins", "TRUE", True),
    ("enforce_join_order", "on", True),
    ("collocated", "1", True),
    ("local", "yes", True),
    ("partitions", "1,2, 3", (1, 2, 3)),
    ("partitions", "", None),
    ("ordered", "off", False),
    ("addresses", "a,b:1", (("a", 10800), ("b", 1))),
    ("user", "ann", "ann"),
    ("timezone", "Asia/Tokyo", "Asia/Tokyo"),
    ("timezone", "", None),
    ("connect_timeout", "3", 3.0),
    ("request_timeout", "none", None),
    ("busy_wait", "0", 0.0),
    ("busy_wait", "1", 1.0),
    ("heartbeat_interval", "0.5", 0.5),
    ("heartbeat_interval", "0", 0.0),
    ("tls", "true", True),
    ("tls_ca_file", "/ca.pem", "/ca.pem"),
    ("tls_cert_file", "/cert.pem", "/cert.pem"),
    ("tls_key_file", "/key.pem", "/key.pem"),
    ("tls_key_password", SECRET, SECRET),
    ("tls_check_hostname", "off", False),
    ("tls_verify", "0", False),
    ("tls_version", "1.2", "1.2"),
    ("tls_version", "TLSv1.3", "1.3"),
    ("tls_version", "", None),
    ("tls_ciphers", "ECDHE+AESGCM", "ECDHE+AESGCM"),
    ("autocommit", "true", True),
    ("transaction_timeout", "2.5", 2.5),
    ("transaction_label", "nightly", "nightly"),
]
# What text cannot say.
OBJECTS: list[tuple[str, Any, Any]] = [
    ("tls_version", ssl.TLSVersion.TLSv1_2, "1.2"),
    ("page_size", 1, 1),
    ("timeout", 2, 2.0),
    ("timeout", None, None),
    ("lazy", False, False),
    ("partitions", [3, 1], (3, 1)),
    ("partitions", range(2), (0, 1)),
    ("addresses", [("::1", 5), "b:1", ("c", "7")], (("::1", 5), ("b", 1), ("c", 7))),
    ("timezone", ZoneInfo("Asia/Tokyo"), "Asia/Tokyo"),
    ("tls_ca_file", pathlib.Path("/ca.pem"), "/ca.pem"),
    ("row_factory", dict_row, dict_row),
    ("row_factory", None, None),
]


@pytest.mark.parametrize(("name", "text", "expected"), CONVERSIONS)
def test_text(name: str, text: str, expected: Any) -> None:
    assert getattr(build(**{name: text}), name) == expected
    assert getattr(ConnectOptions.from_url(f"ignite://h?{name}={quote(text)}"), name) == expected
    environment = {f"IGNITE_DBAPI_{name.upper()}": text}
    assert getattr(ConnectOptions.build(environment=environment), name) == expected


@pytest.mark.parametrize(("name", "value", "expected"), OBJECTS)
def test_objects(name: str, value: Any, expected: Any) -> None:
    assert getattr(build(**{name: value}), name) == expected


def test_every_option_is_tested_here() -> None:
    said = {name for name, *_ in CONVERSIONS + OBJECTS} | {"password", "ssl_context"}
    assert said == set(OPTION_NAMES)
    assert all(field.metadata["doc"].endswith(".") for field in attrs.fields(ConnectOptions))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schema", ""), ("schema", '""'), ("schema", '"a'), ("schema", '"a"b"'), ("schema", 5), ("query_engine", "h3"),
        ("query_engine", 5), ("page_size", 0), ("page_size", -1), ("page_size", "x"), ("page_size", 1.5),
        ("page_size", True), ("page_size", 2**31), ("page_size", None), ("timeout", -1), ("timeout", "nan"),
        ("timeout", "inf"), ("timeout", "x"), ("tls_version", "1.1"),
        ("timeout", True), ("timeout", 2**31), ("timeout", []),
        ("lazy", "maybe"), ("lazy", 1), ("lazy", None), ("partitions", []), ("partitions", [-1]),
        ("partitions", [1.5]), ("partitions", 5), ("partitions", "1,x"), ("partitions", [65536]),
        ("addresses", 5), ("addresses", [5]), ("addresses", "h:x"), ("addresses", "h:0"), ("addresses", "h:65536"),
        ("addresses", "h:"), ("addresses", ":1"), ("addresses", [("h",)]), ("addresses", [(None, 1)]),
        ("addresses", [("h", 1.5)]), ("addresses", "a b"), ("addresses", "[::1"), ("addresses", "[::1]x10800"),
        ("addresses", "[::1]:"), ("addresses", ""), ("addresses", []), ("user", 5), ("password", 5),
        ("timezone", 5), ("connect_timeout", 0), ("connect_timeout", "0"), ("request_timeout", 0), ("tls", "si"),
        ("busy_wait", 1.01), ("busy_wait", -0.1), ("busy_wait", "long"),
        ("tls_ca_file", b"/ca.pem"), ("tls_key_password", 5), ("ssl_context", "x"), ("row_factory", "dict_row"),
    ],
)  # fmt: skip
def test_values_that_are_none(name: str, value: Any) -> None:
    with pytest.raises(InterfaceError, match=f"option '{name}'") as error:
        build(**{name: value})
    assert error.value.code == "invalid_option"
    if name not in ("password", "tls_key_password") and value != []:
        named = value[0] if name == "addresses" and isinstance(value, list) else value
        assert repr(named) in str(error.value)


def test_the_nearest_name_is_proposed() -> None:
    with pytest.raises(InterfaceError, match="unknown option 'page_siz'; did you mean 'page_size'") as error:
        build(page_siz=5)
    assert error.value.code == "unknown_option"
    with pytest.raises(InterfaceError, match="did you mean 'password'"):
        ConnectOptions.from_url("ignite://h?passwort=x")
    with pytest.raises(InterfaceError, match="unknown option 'qqqqq'; there are: addresses, autocommit"):
        build(qqqqq=5)
    with pytest.raises(InterfaceError, match="did you mean 'h2'"):
        build(query_engine="hh2")
    with pytest.raises(InterfaceError, match="unknown option 'user'"):
        override(ConnectOptions(), {"user": "x"})


def test_what_comes_first_wins() -> None:
    environment = {
        "IGNITE_DBAPI_PAGE_SIZE": "1", "IGNITE_DBAPI_SCHEMA": "env", "IGNITE_DBAPI_ADDRESSES": "env:1",
        "IGNITE_DBAPI_TIMEOUT": "9", "OTHER": "x", "IGNITE_DBAPI_NOTHING": "x",
    }  # fmt: skip
    options = ConnectOptions.build("ignite://url:2/url?page_size=2", {"page_size": 3}, environment)
    assert (options.page_size, options.schema, options.addresses, options.timeout) == (
        3,
        "URL",
        (("url", 2),),
        9.0,
    )
    options = ConnectOptions.build(keywords={"schema": "kw"}, environment=environment)
    assert (options.page_size, options.schema, options.addresses) == (1, "KW", (("env", 1),))
    options = ConnectOptions.build(environment={"IGNITE_DBAPI_URL": "ignite://env:7/s"})
    assert (options.addresses, options.schema) == ((("env", 7),), "S")
    options = ConnectOptions.build("ignite://url", environment={"IGNITE_DBAPI_URL": "ignite://env:7/s"})
    assert (options.addresses, options.schema) == ((("url", 10800),), "PUBLIC")


def test_host_and_port() -> None:
    assert build(host="a").addresses == (("a", 10800),)
    assert build(host="a:5,b").addresses == (("a", 5), ("b", 10800))
    assert build(port=5).addresses == (("127.0.0.1", 5),)
    assert build(host="::1", port=5).addresses == (("::1", 5),)
    assert ConnectOptions.from_url("ignite://?host=a&port=5").addresses == (("a", 5),)
    with pytest.raises(InterfaceError, match="either 'addresses' or 'host' and 'port'"):
        build(host="a", addresses="b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h", ("h", 10800)), ("h:1", ("h", 1)), (" h:1 ", ("h", 1)), ("127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("::1", ("::1", 10800)), ("[::1]", ("::1", 10800)), ("[::1]:7", ("::1", 7)), ("fe80::1%eth0", ("fe80::1%eth0", 10800)),  # noqa: E501
    ],
)  # fmt: skip
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ignite://", {}),
        ("ignite:///", {}),
        ("IGNITE://h", {"addresses": (("h", 10800),)}),
        ("ignite+ignite_dbapi://h/s", {"addresses": (("h", 10800),), "schema": "s"}),
        ("ignite://h:1,[::1]:2,[::3],i", {"addresses": (("h", 1), ("::1", 2), ("::3", 10800), ("i", 10800))}),
        ("ignite://[::1],h", {"addresses": (("::1", 10800), ("h", 10800))}),
        ("ignite://ann@h", {"user": "ann", "addresses": (("h", 10800),)}),
        ("ignite://ann:@h", {"user": "ann", "password": "", "addresses": (("h", 10800),)}),
        ("ignite://a%40b%3A:p%2F%3F%23%40%3A@h", {"user": "a@b:", "password": "p/?#@:", "addresses": (("h", 10800),)}),
        ("ignite://u:p@w@h", {"user": "u", "password": "p@w", "addresses": (("h", 10800),)}),
        ("ignite://h/%22my%20Cache%22", {"addresses": (("h", 10800),), "schema": '"my Cache"'}),
        ("ignite://h?user=u&password=p%26q", {"addresses": (("h", 10800),), "user": "u", "password": "p&q"}),
        ("ignite://h/s?#fragment", {"addresses": (("h", 10800),), "schema": "s"}),
        ("ignite://h?lazy=", {"addresses": (("h", 10800),), "lazy": ""}),
    ],
)  # fmt: skip
def test_urls(url: str, expected: dict[str, Any]) -> None:
    assert parse_url(url) == expected


@given(st.text(min_size=1), st.text())
def test_any_credentials_can_be_encoded(user: str, password: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in user + password):
        return
    url = f"ignite://{quote(user, safe='')}:{quote(password, safe='')}@[::1]:5,h/S"
    assert parse_url(url) == {
        "user": user, "password": password, "addresses": (("::1", 5), ("h", 10800)), "schema": "S"
    }  # fmt: skip


@pytest.mark.parametrize(
    "url",
    ["http://h", "h:10800", "", "//h", f"user:{SECRET}@h", f"jdbc:ignite:thin://u:{SECRET}@h", 5, b"ignite://h",
     "ignite:/h", "mysql+ignite://h"],
)  # fmt: skip
def test_urls_of_something_else(url: Any) -> None:
    with pytest.raises(InterfaceError, match="should look like ignite://user:password@host:10800") as error:
        ConnectOptions.build(url)
    assert error.value.code == "invalid_url"
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        f"ignite://u:{SECRET}@h:x", f"ignite://u:{SECRET}#1@h", f"ignite://u:{SECRET}/1@h", f"ignite://u:{SECRET}?1@h",
        f"ignite://u:[{SECRET}]@h:99999", f"ignite://u:{SECRET}@[::1", f"ignite://u:{SECRET}@h\u2100", f"ignite://u:{SECRET}@:5",
        f"ignite://u:{SECRET}@h?lazy=maybe", f"ignite://u:{SECRET}@h?nothing=1", f"ignite://u:{SECRET}@h?password={SECRET}",
        f"ignite://:{SECRET}@h", f"ignite://u:{SECRET}@h?page_size=0", f"ignite://h?user=u&password={SECRET}&tls=x",
    ],
)  # fmt: skip
def test_no_error_shows_the_password(url: str) -> None:
    try:
        shown = repr(ConnectOptions.from_url(url))
    except InterfaceError as error:
        shown = f"{error} {error!r} {error.__dict__}"
    assert SECRET not in shown


def test_no_text_shows_the_password() -> None:
    options = build(user="ann", password=SECRET, tls_key_password=SECRET)
    assert (options.password, options.tls_key_password) == (SECRET, SECRET)
    assert SECRET not in f"{options} {options!r} {options.statement!r}"
    for addresses in (f"ann:{SECRET}@h", f"ann:{SECRET}@h:5", [f"{SECRET}@h"]):
        with pytest.raises(InterfaceError, match="holds no user and password") as error:
            build(addresses=addresses)
        assert SECRET not in str(error.value)


def test_options_that_need_each_other() -> None:
    with pytest.raises(InterfaceError, match="'password' was given without 'user'") as error:
        build(password=SECRET)
    assert SECRET not in str(error.value)
    with pytest.raises(InterfaceError, match="'schema' stands twice"):
        ConnectOptions.from_url("ignite://h/a?schema=b")
    context = ssl.create_default_context()
    assert build(ssl_context=context).uses_tls
    assert build(tls=True).uses_tls


def test_overrides() -> None:
    options = build(schema='"myCache"', user="ann", password=SECRET, page_size=7)
    assert override(options, {}) is options
    changed = override(options, {"page_size": "9", "query_engine": "H2"})
    assert (changed.page_size, changed.query_engine) == (9, "h2")
    assert (options.page_size, options.query_engine) == (7, None)
    assert changed.schema == "myCache", "what stood in quotes stays as it was"
    assert (changed.user, changed.password) == ("ann", SECRET)
    assert override(options, {"schema": "other"}).schema == "OTHER"
    with pytest.raises(InterfaceError, match="option 'page_size'"):
        override(options, {"page_size": 0})
    with pytest.raises(InterfaceError, match="unknown option 'pagesize'; did you mean 'page_size'"):
        override(options, {"pagesize": 5})
    assert set(STATEMENT_OPTION_NAMES) == {field.name for field in attrs.fields(StatementOptions)}


def test_options_do_not_change_and_can_be_passed_on() -> None:
    options = build(user="ann", addresses="a,b")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        options.user = "bob"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(options)) == options
    assert options != build(user="bob", addresses="a,b")
