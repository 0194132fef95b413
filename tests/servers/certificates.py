"""A small certificate authority for tests: RFC 5425 wants both sides to show who they are."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Identity:
    """Files in PEM."""

    certificate: Path
    key: Path


class Authority:
    """`Authority(folder, "plant").issue("collector", "localhost")` makes `collector.pem` and `collector.key` there."""

    def __init__(self, folder: Path, name: str = "tests") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"{name} authority")
        basic = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(
            False, False, False, False, False, True, True, False, False
        )  # signs certificates and CRLs
        built = (
            _builder(self._name, self._name, self._key.public_key(), timedelta(days=7))
            .add_extension(basic, critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        )
        self.certificate = folder / f"{name}-ca.pem"
        self.certificate.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, stem: str, dns_name: str, *, valid_for: timedelta = timedelta(days=7)) -> Identity:
        """For client and server alike, good for that name and 127.0.0.1; a negative `valid_for` has run out already."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(dns_name), x509.IPAddress(IPv4Address("127.0.0.1"))])
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        built = (
            _builder(_name(dns_name), self._name, key.public_key(), valid_for)
            .add_extension(names, critical=False)
            .add_extension(purposes, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(issuer_key, critical=False)
        )
        identity = Identity(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        pem = serialization.Encoding.PEM
        identity.certificate.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(pem))
        plain = serialization.NoEncryption()
        identity.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        identity.key.chmod(0o600)
        return identity


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid_for: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + min(valid_for, timedelta()) - timedelta(hours=1))
        .not_valid_after(now + valid_for)
    )
