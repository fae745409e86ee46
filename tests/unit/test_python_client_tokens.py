"""Member tokens that the Python client signs: Guerdon believes them. And what it will not sign."""

import subprocess
import sys
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from guerdon.access import tokens
from guerdon.access.tokens import PublicKey, Terms
from guerdon.errors import Unauthenticated
from guerdon_client.tokens import PrivateKey, TokenSigner

KEYS: dict[str, PrivateKey] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate(),
}
NOW = int(time.time())


def private(key: object, password: bytes | None = None) -> bytes:
    hidden = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)  # type: ignore[attr-defined, no-any-return]


def public(algorithm: str, kid: str | None = None) -> PublicKey:
    shape = PublicFormat.SubjectPublicKeyInfo
    pem = KEYS[algorithm].public_key().public_bytes(Encoding.PEM, shape)
    return PublicKey(algorithm, kid, pem.decode())


@pytest.mark.parametrize("algorithm", KEYS)
def test_tokens_are_believed(algorithm: str) -> None:
    signer = TokenSigner(private(KEYS[algorithm]), "1")
    assert signer.algorithm == algorithm
    # Signatures vary in length where they are numbers: several of them.
    for user_id in ("ada", "ünal/7 漢字", *map(str, range(30))):
        made = tokens.take_apart(signer.token(user_id, now=NOW))
        assert made.namespace == "1"
        assert tokens.subject(made, [public(algorithm)], Terms(None, None), NOW) == user_id
        assert made.claims["exp"] - made.claims["iat"] == 900
    with pytest.raises(Unauthenticated):
        tokens.subject(made, [public(algorithm)], Terms(None, None), NOW + 1000)


def test_what_a_namespace_may_ask_for_is_said() -> None:
    pem = private(KEYS["EdDSA"], b"open sesame")
    signer = TokenSigner(
        pem.decode(),
        kid="k1",
        issuer="https://shop.example.com",
        audience="guerdon",
        lifetime=60,
        password=b"open sesame",
    )
    made = tokens.take_apart(signer.token("ada", now=NOW))
    assert (made.header["kid"], made.namespace) == ("k1", None)
    assert made.claims["exp"] == NOW + 60
    asked = Terms("https://shop.example.com", "guerdon")
    assert tokens.subject(made, [public("EdDSA", "k1")], asked, NOW) == "ada"
    with pytest.raises(Unauthenticated):
        tokens.subject(made, [public("EdDSA", "k2")], asked, NOW)


def test_keys_and_lifetimes_that_guerdon_would_not_take_are_refused() -> None:
    for wrong in (
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP384R1()),
    ):
        with pytest.raises(ValueError, match="none of"):
            TokenSigner(private(wrong))
    for seconds in (0, -1, 86_401):
        with pytest.raises(ValueError, match="lives for"):
            TokenSigner(private(KEYS["EdDSA"]), lifetime=seconds)


def test_without_cryptography_it_is_said_what_to_install() -> None:
    typed = "import sys; sys.modules['cryptography'] = None; import guerdon_client"
    one = subprocess.run([sys.executable, "-c", typed], capture_output=True, text=True)
    assert one.returncode == 0, one.stderr
    typed += ".tokens"
    other = subprocess.run([sys.executable, "-c", typed], capture_output=True, text=True)
    assert "install 'guerdon-client[tokens]'" in other.stderr.strip().splitlines()[-1]
