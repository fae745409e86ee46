"""One-time codes (RFC 6238) and recovery codes. Pure: the caller says what time it is."""

import base64
import hashlib
import hmac

import pyotp

from guerdon import ids

PERIOD_SECONDS = 30
RECOVERY_CODES = 10
_TOLERATED_FAILURES, _FIRST_WAIT, _LONGEST_WAIT = 5, 30, 900


def new_secret() -> str:
    """A fresh secret in base32, as authenticator apps take it."""
    return base64.b32encode(ids.secret_bytes(20)).decode()


def address_of(secret: str, email: str, namespace: str) -> str:
    """What the QR code says: the secret, and what the app shall call it."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=f"Guerdon {namespace}")


def counter_of(secret: str, code: str, now: float, last: int) -> int | None:
    """The half minute that a code belongs to, if it is right and later than ``last``.

    The half minutes before and after are taken as well: clocks differ, and people are slow."""
    current = int(now) // PERIOD_SECONDS
    totp = pyotp.TOTP(secret)
    for counter in (current - 1, current, current + 1):
        right = hmac.compare_digest(totp.generate_otp(counter).encode(), code.encode())
        if right and counter > last:
            return counter
    return None


def new_recovery_codes() -> list[str]:
    """Ten codes of 80 bits each, in groups that people can copy by hand."""
    texts = [base64.b32encode(ids.secret_bytes(10)).decode() for _ in range(RECOVERY_CODES)]
    return ["-".join(text[at : at + 4] for at in range(0, len(text), 4)) for text in texts]


def plain(typed: str) -> str:
    """A code as it was typed, without what people put between its parts."""
    return "".join(typed.upper().replace("-", "").split())


def is_one_time(code: str) -> bool:
    """Whether it looks like a code of the app and not like a recovery code."""
    return code.isascii() and code.isdigit()


def hash_of(code: str) -> bytes:
    """What is stored of a recovery code: it has too many bits to be guessed from its hash."""
    return hashlib.sha256(plain(code).encode()).digest()


def wait_after(failures: int) -> int:
    """How many seconds no code is looked at after so many wrong ones in a row."""
    if failures < _TOLERATED_FAILURES:
        return 0
    doublings = min(failures - _TOLERATED_FAILURES, 10)
    return int(min(_LONGEST_WAIT, _FIRST_WAIT * 2**doublings))
