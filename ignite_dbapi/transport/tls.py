"""The SSLContext that the options of a connection describe."""

from __future__ import annotations

import ssl

from ignite_dbapi.errors import InterfaceError
from ignite_dbapi.options import ConnectOptions


def context_for(options: ConnectOptions) -> ssl.SSLContext | None:
    """The context for *options*; None without TLS. Raises InterfaceError if its files cannot be used."""
    if options.ssl_context is not None:
        return options.ssl_context
    if not options.tls:
        return None
    file = options.tls_ca_file
    try:
        context = ssl.create_default_context(cafile=file)
        if not options.tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif not options.tls_check_hostname:
            context.check_hostname = False
        if options.tls_cert_file is not None:
            file = options.tls_cert_file
            context.load_cert_chain(
                options.tls_cert_file,
                options.tls_key_file,
                # A function, because OpenSSL asks at the terminal if an encrypted key comes without password.
                password=lambda: options.tls_key_password or "",
            )
    except (OSError, ssl.SSLError) as error:
        raise InterfaceError(
            f"the TLS files cannot be used ({file}): {error.strerror or error}; check tls_ca_file, "
            f"tls_cert_file, tls_key_file and tls_key_password",
            code="tls_options",
        ) from None
    return context
