"""Certificates for a cluster that speaks TLS: an authority, a server's and a client's certificate."""

from __future__ import annotations

import datetime
import ipaddress
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ignite_dbapi.local.errors import missing_extra

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["Certificates", "make_certificates"]

_LIFETIME = datetime.timedelta(days=365)


@attrs.frozen
class Certificates:
    """The files of one cluster's TLS. ``password`` opens both key stores; ``repr`` does not show it."""

    #: PEM file with the certificate of the authority that clients have to trust.
    ca_file: Path
    #: PEM files with a client's certificate and its key, for servers that ask for one.
    client_cert_file: Path
    client_key_file: Path
    #: PKCS #12 files for the server: its own certificate, and the authority that signs its clients'
    #: certificates.
    server_key_store: Path
    trust_store: Path
    password: str = attrs.field(repr=False)


def make_certificates(folder: Path) -> Certificates:
    """Make an authority and the certificates it signs, and write them to ``folder``, which must exist.

    The server's certificate is for 127.0.0.1, ::1 and localhost.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import pkcs12
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError as error:
        raise missing_extra("cryptography", "make TLS certificates") from error

    now = datetime.datetime.now(datetime.UTC)

    def name(common_name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

    def builder(subject: str, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(authority_name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + _LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )

    def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=signs_certificates,
            crl_sign=signs_certificates,
            encipher_only=False,
            decipher_only=False,
        )

    authority_name = "ignite_dbapi.local test authority"
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = (
        builder(authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )

    def signed(subject: str, usage: x509.ObjectIdentifier) -> tuple[EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.IPAddress(ipaddress.ip_address("::1")),
        ]
        certificate = (
            builder(subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        return key, certificate

    server_key, server = signed("ignite_dbapi.local server", ExtendedKeyUsageOID.SERVER_AUTH)
    client_key, client = signed("ignite_dbapi.local client", ExtendedKeyUsageOID.CLIENT_AUTH)
    password = secrets.token_urlsafe(16)

    def write(file_name: str, content: bytes) -> Path:
        path = folder / file_name
        path.touch(mode=0o600)
        path.write_bytes(content)
        return path

    def store(alias: str, key: EllipticCurvePrivateKey, certificate: x509.Certificate) -> bytes:
        # Spelled out so that every supported Java reads it, whatever the library's default becomes.
        encryption = (
            serialization.PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(10_000)
            .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
            .hmac_hash(hashes.SHA256())
            .build(password.encode())
        )
        return pkcs12.serialize_key_and_certificates(alias.encode(), key, certificate, None, encryption)

    pem = serialization.Encoding.PEM
    return Certificates(
        ca_file=write("ca.pem", authority.public_bytes(pem)),
        client_cert_file=write("client.pem", client.public_bytes(pem)),
        client_key_file=write(
            "client.key",
            client_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        ),
        server_key_store=write("server.p12", store("server", server_key, server)),
        # With its key, because Java takes a certificate alone in a PKCS #12 file for trusted only when it
        # carries an attribute of Java's own; it does trust the certificate of a key entry.
        trust_store=write("trusted.p12", store("authority", authority_key, authority)),
        password=password,
    )
