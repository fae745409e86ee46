"""Standard Webhooks 1.0: the vectors of its reference libraries, rotation, and hostile headers."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.providers import signing

# From the reference libraries' tests, github.com/standard-webhooks/standard-webhooks.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
NOW = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def headers(**changed: str) -> dict[str, str]:
    usual = {
        "webhook-id": ID,
        "webhook-timestamp": str(NOW),
        "webhook-signature": SIGNATURE,
    }
    return usual | {f"webhook-{name}": value for name, value in changed.items()}


def test_the_official_vector() -> None:
    assert signing.sign([SECRET], ID, NOW, BODY) == headers()
    assert signing.verify([SECRET], headers(), BODY, NOW) == ID


def test_a_secret_may_come_without_its_prefix() -> None:
    assert signing.sign([SECRET.removeprefix("whsec_")], ID, NOW, BODY) == headers()


@given(st.binary(min_size=24, max_size=64), st.binary(max_size=200), st.integers(0, 10**11))
def test_signatures_are_those_of_the_specification(key: bytes, body: bytes, now: int) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    signed = b"msg_1." + str(now).encode() + b"." + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    made = signing.sign([secret], "msg_1", now, body)
    assert made["webhook-signature"] == f"v1,{expected}"
    assert signing.verify([secret], made, body, now) == "msg_1"


def test_while_a_secret_is_rotated_both_sign_and_both_are_believed() -> None:
    made = signing.sign([OTHER, SECRET], ID, NOW, BODY)
    first, second = made["webhook-signature"].split(" ")
    assert second == SIGNATURE
    assert first != second
    for known in ([OTHER], [SECRET], [OTHER, SECRET], [SECRET, OTHER]):
        assert signing.verify(known, made, BODY, NOW) == ID
    assert signing.verify([signing.new_secret()], made, BODY, NOW) is None
    assert signing.verify([], made, BODY, NOW) is None


@pytest.mark.parametrize("off", [-300, -1, 0, 1, 300])
def test_five_minutes_either_way_are_tolerated(off: int) -> None:
    assert signing.verify([SECRET], headers(), BODY, NOW + off) == ID


@pytest.mark.parametrize("off", [-(10**9), -301, 301, 10**9])
def test_more_is_not(off: int) -> None:
    assert signing.verify([SECRET], headers(), BODY, NOW + off) is None


def test_every_byte_of_the_body_counts() -> None:
    for place in range(len(BODY)):
        changed = bytearray(BODY)
        changed[place] ^= 1
        assert signing.verify([SECRET], headers(), bytes(changed), NOW) is None
    for other in (b"", BODY + b"\n", BODY.replace(b": ", b":"), BODY[:-1]):
        assert signing.verify([SECRET], headers(), other, NOW) is None


def test_every_byte_of_the_signature_counts() -> None:
    raw = base64.b64decode(SIGNATURE.removeprefix("v1,"))
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        signature = "v1," + base64.b64encode(changed).decode()
        assert signing.verify([SECRET], headers(signature=signature), BODY, NOW) is None


def test_the_id_and_the_time_are_signed_too() -> None:
    assert signing.verify([SECRET], headers(id=ID + "x"), BODY, NOW) is None
    assert signing.verify([SECRET], headers(timestamp=str(NOW + 1)), BODY, NOW) is None


def test_a_good_signature_among_others_is_enough() -> None:
    among = f"v1,AAAA v2,{SIGNATURE[3:]} v1a,x nonsense  {SIGNATURE} v1,"
    assert signing.verify([SECRET], headers(signature=among), BODY, NOW) == ID


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": "v1"},
        {"signature": SIGNATURE.removeprefix("v1,")},
        {"signature": SIGNATURE.replace("v1,", "v2,")},
        {"signature": SIGNATURE.replace("v1,", "v1a,")},
        {"signature": SIGNATURE.replace("v1,", "V1,")},
        {"signature": SIGNATURE[:-4]},
        {"signature": SIGNATURE + "\x00"},
        {"signature": "v1,é"},
        {"signature": "v1,\ud800"},
        {"signature": "v1,=" * 5000},
        {"signature": "v1,AAAA " * 100_000 + SIGNATURE},
        {"timestamp": ""},
        {"timestamp": "now"},
        {"timestamp": f" {NOW}"},
        {"timestamp": f"+{NOW}"},
        {"timestamp": f"-{NOW}"},
        {"timestamp": f"{NOW}.0"},
        {"timestamp": "1_614_265_330"},
        {"timestamp": "١٦١٤٢٦٥٣٣٠"},
        {"timestamp": "²"},
        {"timestamp": "9" * 5000},
        {"id": ""},
        {"id": "x" * 256},
        {"id": "a\nb"},
        {"id": "a\x00b"},
        {"id": "\ud800"},
    ],
)
def test_hostile_headers_are_only_refused(changed: dict[str, str]) -> None:
    assert signing.verify([SECRET], headers(**changed), BODY, NOW) is None


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_all_three_headers_are_needed(missing: str) -> None:
    given_headers = {name: value for name, value in headers().items() if name != missing}
    assert signing.verify([SECRET], given_headers, BODY, NOW) is None


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
        st.text() | st.sampled_from([ID, str(NOW), "v1,"]),
    ),
    st.binary(max_size=50),
)
def test_no_header_makes_it_raise(given_headers: dict[str, str], body: bytes) -> None:
    assert signing.verify([SECRET], given_headers, body, NOW) is None


def test_new_secrets_are_32_random_bytes() -> None:
    made = {signing.new_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_secrets_in_bodies() -> None:
    assert signing.same_secret(SECRET, [OTHER, SECRET])
    assert signing.same_secret("schlüssel", ["schlüssel"])
    for wrong in ("", SECRET[:-1], SECRET + "x", SECRET.lower(), "é"):
        assert not signing.same_secret(wrong, [OTHER, SECRET])
    assert not signing.same_secret("", [])
