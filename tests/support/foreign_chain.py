"""A root and an issuing CA over any key, made without Chancery: for tests whose key is not the demo's."""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Chancery Demo"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate(subject, issuer, key, issuer_key, path_length, days, eku):
    # An hour early, so that the first leaf, itself backdated, lies inside its CAs' validity.
    start = datetime.datetime.utcnow().replace(microsecond=0) - datetime.timedelta(hours=1)
    usage = x509.KeyUsage(digital_signature=False, content_commitment=False, key_encipherment=False,
                          data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                          encipher_only=False, decipher_only=False)
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
               .serial_number(x509.random_serial_number()).not_valid_before(start)
               .not_valid_after(start + datetime.timedelta(days=days))
               .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
               .add_extension(usage, critical=True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False))
    if eku:
        builder = (builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
                                  critical=False))
    return builder.sign(issuer_key, hashes.SHA256())


def make_chain(directory, issuing_key):
    """chain.pem over this public key."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name, issuing_name = name("Chancery Demo Root"), name("Chancery Demo Issuing CA")
    root = certificate(root_name, root_name, root_key.public_key(), root_key, 1, 3650, eku=False)
    issuing = certificate(issuing_name, root_name, issuing_key, root_key, 0, 1095, eku=True)
    encoding = serialization.Encoding.PEM
    (directory / "chain.pem").write_bytes(issuing.public_bytes(encoding) + root.public_bytes(encoding))
