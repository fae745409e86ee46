"""The Python client's signatures: the official vectors, Guerdon's own word, and hostile headers."""

import base64
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_signing import BODY, ID, NOW, OTHER, SECRET, headers

from guerdon.providers import signing
from guerdon_client import signatures
from guerdon_client.errors import NotAuthentic


def test_the_official_vector() -> None:
    assert signatures.sign(SECRET, ID, BODY, now=NOW) == headers()
    assert signatures.verify(SECRET, headers(), BODY, now=NOW) == ID


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=200), st.integers(0, 10**11))
def test_guerdon_and_its_client_believe_each_other(key: bytes, body: bytes, now: int) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    ours = signing.sign([secret], "a-transaction", now, body)
    assert signatures.sign([secret], "a-transaction", body, now=now) == ours
    assert signatures.verify([OTHER, secret], ours, body, now=now) == "a-transaction"


def test_one_right_secret_and_one_right_signature_are_enough() -> None:
    both = signing.sign([OTHER, SECRET], ID, NOW, BODY)
    for secrets in (SECRET, [SECRET], [OTHER], (OTHER, SECRET)):
        assert signatures.verify(secrets, both, BODY, now=NOW) == ID
    in_title_case = {name.title(): value for name, value in both.items()}
    assert signatures.verify(SECRET, in_title_case, BODY, now=NOW) == ID


@pytest.mark.parametrize("offset", [-301, 301])
def test_five_minutes_are_the_most(offset: int) -> None:
    nearer = offset - (1 if offset > 0 else -1)
    assert signatures.verify(SECRET, headers(), BODY, now=NOW + nearer) == ID
    with pytest.raises(NotAuthentic, match="five minutes"):
        signatures.verify(SECRET, headers(), BODY, now=NOW + offset)


def test_now_is_the_clocks() -> None:
    signed = signatures.sign(SECRET, ID, BODY)
    assert abs(int(signed["webhook-timestamp"]) - time.time()) < 60
    assert signatures.verify(SECRET, signed, BODY) == ID


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "another"},
        {"id": ""},
        {"timestamp": str(NOW + 1)},
        {"timestamp": ""},
        {"timestamp": "now"},
        {"timestamp": "²"},
        {"timestamp": "9" * 5000},
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": "v1,%%%"},
        {"signature": "v1a," + headers()["webhook-signature"][3:]},
        {"signature": headers()["webhook-signature"][3:]},
        {"signature": "v1,a " * 5000 + headers()["webhook-signature"]},
    ],
)
def test_what_was_tampered_with_is_not_believed(changed: dict[str, str]) -> None:
    with pytest.raises(NotAuthentic):
        signatures.verify(SECRET, headers(**changed), BODY, now=NOW)
    with pytest.raises(NotAuthentic):
        signatures.verify(SECRET, headers(), BODY + b" ", now=NOW)


@given(st.dictionaries(st.sampled_from([*headers(), "host"]), st.text()), st.binary())
def test_nothing_that_comes_raises_anything_else(told: dict[str, str], body: bytes) -> None:
    with pytest.raises(NotAuthentic):
        signatures.verify(SECRET, told, body, now=NOW)


@pytest.mark.parametrize("wrong", ["", "whsec_", "whsec_%%", "whsec_ü", [], [SECRET, ""]])
def test_a_secret_that_is_none_is_refused_and_not_shown(wrong: str | list[str]) -> None:
    with pytest.raises(ValueError, match=re.escape("A secret is whsec_ and base64.")) as refused:
        signatures.verify(wrong, headers(), BODY, now=NOW)
    assert "%%" not in str(refused.value)
