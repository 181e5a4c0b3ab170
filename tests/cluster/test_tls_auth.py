"""TLS and authentication against a real node, and everything that can be wrong with them."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi import InterfaceError, OperationalError


@pytest.fixture
def files(secured: Any) -> dict[str, Any]:
    """The options that a login needs."""
    return {
        "addresses": secured.addresses,
        "user": secured.user,
        "password": secured.password,
        "tls": True,
        "tls_ca_file": secured.ca_file,
        "tls_cert_file": secured.client_cert_file,
        "tls_key_file": secured.client_key_file,
    }


def test_login(secured: Any, files: dict[str, Any]) -> None:
    with ignite_dbapi.connect(secured.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert connection.options.uses_tls
    with ignite_dbapi.connect(**files) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE IF NOT EXISTS secrets (id INT PRIMARY KEY, v VARCHAR)")
        cursor.execute("MERGE INTO secrets (id, v) VALUES (1, ?)", ["x" * 3_000_000])
        assert len(cursor.execute("SELECT v FROM secrets").fetchone()[0]) == 3_000_000
        cursor.execute("CREATE USER \"o:m@ga\" WITH PASSWORD 'p@ss/w:rd?&='")
        try:
            host, port = secured.addresses[0]
            query = secured.url.partition("?")[2]
            url = f"ignite://o%3Am%40ga:p%40ss%2Fw%3Ard%3F%26%3D@{host}:{port}?{query}"
            with ignite_dbapi.connect(url) as other:
                assert other.execute("SELECT 1").fetchone() == (1,)
                assert "rd?" not in repr(other) + repr(other.options)
        finally:
            cursor.execute('DROP USER "o:m@ga"')


def test_asyncio(secured: Any, files: dict[str, Any], run_async: Callable[..., Any]) -> None:
    async def main() -> None:
        async with await ignite_dbapi.aio.connect(secured.url) as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS secrets (id INT PRIMARY KEY, v VARCHAR)")
            await connection.execute("MERGE INTO secrets (id, v) VALUES (2, ?)", ["y" * 3_000_000])
            ((text,),) = await (await connection.execute("SELECT v FROM secrets WHERE id = 2")).fetchall()
            assert text == "y" * 3_000_000
        for wrong, code in (
            ({"password": "wrong"}, "authentication_failed"),
            ({"tls_ca_file": None}, "tls_certificate"),
        ):
            with pytest.raises(OperationalError) as caught:
                await ignite_dbapi.aio.connect(**files | wrong, connect_timeout=5)
            assert caught.value.code == code

    run_async(main())


def test_ready_context(files: dict[str, Any]) -> None:
    context = ssl.create_default_context(cafile=files["tls_ca_file"])
    context.load_cert_chain(files["tls_cert_file"], files["tls_key_file"])
    login = {name: files[name] for name in ("addresses", "user", "password")}
    with ignite_dbapi.connect(ssl_context=context, **login) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def refused(options: dict[str, Any]) -> OperationalError:
    began = time.monotonic()
    with pytest.raises(OperationalError) as caught:
        ignite_dbapi.connect(**({"connect_timeout": 5} | options))
    assert time.monotonic() - began < 8
    error = caught.value
    assert error.is_connection_lost
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
    if options.get("password") not in (None, "ignite"):  # a word that is everywhere here
        assert options["password"] not in shown
    return error


def test_wrong_password(files: dict[str, Any]) -> None:
    error = refused(files | {"password": "wrong-and-secret"})
    assert (error.code, error.sqlstate, error.status) == ("authentication_failed", "28000", 2000)
    assert "wrong-and-secret" not in str(error)
    assert refused(files | {"user": "nobody", "password": "top-secret"}).code == "authentication_failed"


def test_missing_credentials(files: dict[str, Any]) -> None:
    assert refused(files | {"user": None, "password": None}).code == "authentication_failed"
    assert refused(files | {"password": None}).code == "authentication_failed"
    with pytest.raises(InterfaceError, match="'user'"):
        ignite_dbapi.connect(**(files | {"user": None}))


def test_plain_client_at_a_tls_port(files: dict[str, Any]) -> None:
    login = {name: files[name] for name in ("addresses", "user")} | {"password": "plain-secret"}
    assert "tls=true" in str(refused(login))


def test_tls_client_at_a_plain_port(node: Any, files: dict[str, Any]) -> None:
    assert "without tls" in str(refused(files | {"addresses": node.addresses, "password": "tls-secret"}))


def test_untrusted_server(node: Any, files: dict[str, Any], make_ignite_cluster: Any, tmp_path: Path) -> None:
    assert refused(files | {"tls_ca_file": None}).code == "tls_certificate"
    from ignite_dbapi.local.certificates import make_certificates

    other = make_certificates(tmp_path)
    assert refused(files | {"tls_ca_file": other.ca_file}).code == "tls_certificate"
    # Our own certificate comes from another authority: the server ends the connection.
    error = refused(files | {"tls_cert_file": other.client_cert_file, "tls_key_file": other.client_key_file})
    assert "certificate" in str(error)


def test_client_certificate_needed(files: dict[str, Any]) -> None:
    error = refused(files | {"tls_cert_file": None, "tls_key_file": None})
    assert "certificate" in str(error)


def test_hostname(secured: Any, files: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: real("127.0.0.1", *more, **named))
    elsewhere = files | {"addresses": [("ignite.example.com", secured.addresses[0][1])]}
    error = refused(elsewhere)
    assert error.code == "tls_certificate"
    assert "ignite.example.com" in str(error)
    with ignite_dbapi.connect(**elsewhere, tls_check_hostname=False) as connection:
        connection.ping()
    with ignite_dbapi.connect(**(elsewhere | {"tls_verify": False, "tls_ca_file": None})) as connection:
        connection.ping()


def test_unusable_files(files: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("tls_ca_file", "tls_cert_file", "tls_key_file"):
        for bad in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
            with pytest.raises(InterfaceError) as caught:
                ignite_dbapi.connect(**(files | {name: bad}))
            assert caught.value.code == "tls_options"


def test_no_secret_in_any_text(secured: Any) -> None:
    with ignite_dbapi.connect(secured.url) as connection:
        cursor = connection.cursor()
        shown = repr([connection, connection.options, cursor])
        for sql in ("SELECT * FROM missing", "CREATE USER \"ignite\" WITH PASSWORD 'x'"):
            with pytest.raises(ignite_dbapi.DatabaseError) as caught:
                cursor.execute(sql)
            shown += repr(caught.value)
        assert "password" not in shown.lower().replace("with password", "")
    for url in ("ignite://me:{}@[oops", "jdbc://me:{}@host/", "ignite://me:{}@host:x/", "ignite://me:{}@/?a=b"):
        secret = "-".join(("zebra", "stripes"))
        with pytest.raises(InterfaceError) as caught:
            ignite_dbapi.connect(url.format(secret))
        assert secret not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(InterfaceError) as caught:
        ignite_dbapi.connect(user="me", password=12345678)
    assert "12345678" not in str(caught.value)


def test_answers_over_tls_that_are_looked_for(secured: Any) -> None:
    with ignite_dbapi.connect(secured.url, request_timeout=60, busy_wait=0.02) as connection:
        for count in (1, 2, 3000, 4):
            rows = connection.execute("SELECT x FROM SYSTEM_RANGE(1, ?)", [count]).fetchall()
            assert rows == [(x,) for x in range(1, count + 1)]


def test_threads_share_a_tls_connection(secured: Any) -> None:
    # With a timeout set, Python's own TLS sockets break when one thread reads while another writes.
    with ignite_dbapi.connect(secured.url, request_timeout=60) as connection:
        failures: list[BaseException] = []

        def work(number: int) -> None:
            cursor = connection.cursor()
            try:
                for i in range(100):
                    text = str(number) * (i * 37 % 5000 + 1)
                    rows = cursor.execute(
                        "SELECT x, ? FROM SYSTEM_RANGE(1, ?)", [text, i % 60 + 1], page_size=20
                    ).fetchall()
                    assert rows == [(x, text) for x in range(1, i % 60 + 2)]
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not failures


def test_closing_wakes_a_thread_that_waits(secured: Any, node: Any) -> None:
    for url in (secured.url, node.url):
        connection = ignite_dbapi.connect(url)
        errors: list[BaseException] = []

        def wait(connection: Any = connection, errors: list[BaseException] = errors) -> None:
            try:
                connection.execute(
                    "SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b", timeout=20
                )
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.4)
        connection.close()
        thread.join(5)
        assert not thread.is_alive()
        assert isinstance(errors[0], ignite_dbapi.Error)
