"""TLS: an encrypted connection on which both sides show a certificate.

Run it with ``python -m examples.keyvalue.tls [host:port,… ca.pem [client.pem client.key]]``.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client
from ignite_dbapi.keyvalue.exceptions import ReconnectError


def main(
    addresses: Addresses,
    ca_file: str | Path,
    cert_file: str | Path | None = None,
    key_file: str | Path | None = None,
    **login: str,
) -> None:
    """Connect with the right certificates, and see that others are refused.

    *login* is ``username`` and ``password``, where the cluster asks for them as well.
    """
    mine: dict[str, Any] = {"use_ssl": True, "ssl_certfile": cert_file, "ssl_keyfile": key_file, **login}

    # The server's certificate has to be signed by this authority, and to be for the host that is connected to.
    with Client(ssl_ca_certfile=ca_file, **mine).connect(addresses) as client:
        client.get_or_create_cache("example secrets").put("key", "nobody else can read this")
        print("encrypted:", client.get_cache("example secrets").get("key"))
        client.get_cache("example secrets").destroy()

    # Encrypted, but with whom? For tests only.
    with Client(ssl_cert_reqs=ssl.CERT_NONE, **mine).connect(addresses) as client:
        print("unchecked:", "example secrets" not in client.get_cache_names())

    # Without the authority's certificate, those that the system trusts are asked.
    try:
        Client(**mine).connect(addresses)
    except ReconnectError as error:
        print(f"refused: {error}")


if __name__ == "__main__":
    run_client(main, "ca_file", "client_cert_file", "client_key_file", tls_client_auth=True)
