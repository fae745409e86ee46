"""Sealed values: opened only whole, only by their key, only where they belong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.sealing import SealBroken, Sealer, key_id

KEY, OLD, FOREIGN = bytes(range(32)), bytes(32), b"\xff" * 32


@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), max_size=50))
def test_what_was_sealed_opens(plain: bytes, context: str) -> None:
    sealed = Sealer(KEY).seal(plain, context)
    assert Sealer(KEY).open(sealed, context) == plain
    assert len(plain) < 8 or plain not in sealed


def test_a_known_value_opens_for_ever() -> None:
    """key ID ‖ nonce ‖ ciphertext and tag, made by another program."""
    assert Sealer(KEY).open(bytes.fromhex(KNOWN), "secret 1") == b"whsec_example"


KNOWN = (
    "7837c4bc3e99cd056465666768696a6b6c6d6e6f"
    "3f73ad031ab633e65f0f2f84bf448ee127bbdf6967f0077dd734521c34"
)


def test_the_same_value_is_never_sealed_alike() -> None:
    sealer = Sealer(KEY)
    assert len({sealer.seal(b"a", "c") for _ in range(100)}) == 100


@given(st.data())
def test_a_single_bit_that_changed_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(Sealer(KEY).seal(b"a secret", "here"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        Sealer(KEY).open(bytes(sealed), "here")


def test_a_value_cut_anywhere_is_noticed() -> None:
    sealed = Sealer(KEY).seal(b"a secret", "here")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            Sealer(KEY).open(sealed[:length], "here")


def test_a_value_elsewhere_does_not_open() -> None:
    sealed = Sealer(KEY).seal(b"a secret", "reply 1 1")
    with pytest.raises(SealBroken):
        Sealer(KEY).open(sealed, "reply 1 2")


def test_another_key_does_not_open_and_says_which_is_missing() -> None:
    sealed = Sealer(FOREIGN).seal(b"a secret", "here")
    with pytest.raises(SealBroken, match="GUERDON_SECRET_KEY"):
        Sealer(KEY).open(sealed, "here")


def test_after_a_rotation_old_values_open_and_new_ones_bear_the_new_key() -> None:
    old = Sealer(OLD).seal(b"old", "here")
    both = Sealer(KEY, OLD)
    assert both.open(old, "here") == b"old"
    new = both.seal(b"new", "here")
    assert new.startswith(key_id(KEY))
    assert Sealer(KEY).open(new, "here") == b"new"
    with pytest.raises(SealBroken):
        Sealer(OLD).open(new, "here")


def test_keyed_hashes_outlive_a_rotation_and_need_the_key() -> None:
    before = Sealer(OLD).keyed_hash("erased")
    assert Sealer(KEY, OLD).keyed_hash("erased") == before
    assert len(before) == 16
    assert Sealer(FOREIGN).keyed_hash("erased") != before
    assert Sealer(OLD).keyed_hash("Erased") != before


def test_key_ids_tell_keys_apart() -> None:
    assert len({key_id(key) for key in (KEY, OLD, FOREIGN)}) == 3
    assert len(key_id(KEY)) == 8
