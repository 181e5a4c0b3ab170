"""Authentication: user and password.

Run it with ``python -m examples.keyvalue.authentication [host:port,… user password [ca.pem]]``.
"""

from __future__ import annotations

from pathlib import Path

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client
from ignite_dbapi.keyvalue.exceptions import AuthenticationError


def main(addresses: Addresses, user: str, password: str, ca_file: str | Path | None = None) -> None:
    """Log in, create another user, and fail to log in with a wrong password."""
    # A password turns TLS on. Without TLS on the server's side this has to be said.
    tls = {"use_ssl": False} if ca_file is None else {"ssl_ca_certfile": ca_file}

    with Client(username=user, password=password, **tls).connect(addresses) as client:
        client.sql("CREATE USER \"example\" WITH PASSWORD 'sesame'")
        try:
            with Client(username="example", password="sesame", **tls).connect(addresses) as other:
                print("logged in:", other.protocol_context is not None)
            try:
                Client(username="example", password="wrong", **tls).connect(addresses)
            except AuthenticationError:
                print("refused: a wrong password")
            try:
                Client(**tls | {"use_ssl": ca_file is not None}).connect(addresses)
            except AuthenticationError:
                print("refused: no password")
        finally:
            client.sql('DROP USER "example"')


if __name__ == "__main__":
    run_client(main, "user", "password", "ca_file", auth=True, tls=True)
