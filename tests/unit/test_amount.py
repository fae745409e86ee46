"""Tokens into money, exactly."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.amount import MAX_TOKENS, minor_units


@pytest.mark.parametrize(
    ("tokens", "rate", "expected"),
    [
        (1000, "0.0125", 1250),
        (1, "0.01", 1),
        (1, "0.0099999999", 0),
        (3, "0.3333333333", 99),
        (3, "0.33", 99),
        (100, "0.29", 2900),  # 2899 with floats
        (1, "1.15", 115),  # 114 with floats
        (57, "0.01", 57),
        (0, "5", 0),
        (MAX_TOKENS, "1", MAX_TOKENS * 100),
        (MAX_TOKENS, "0.0000000000000001", 90),
        (MAX_TOKENS, "0.1234567890123456789012345678", 111199989798471576),
    ],
)
def test_known_amounts(tokens: int, rate: str, expected: int) -> None:
    assert minor_units(tokens, Decimal(rate)) == expected


@given(
    st.integers(0, MAX_TOKENS),
    st.decimals(0, 10**12, places=16, allow_nan=False, allow_infinity=False),
)
def test_it_is_the_floor_of_the_exact_product(tokens: int, rate: Decimal) -> None:
    assert minor_units(tokens, rate) == floor(Fraction(tokens) * Fraction(rate) * 100)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.decimals("0.0001", "10", places=4))
def test_splitting_a_redemption_never_pays_more(one: int, other: int, rate: Decimal) -> None:
    whole = minor_units(one + other, rate)
    assert whole - 1 <= minor_units(one, rate) + minor_units(other, rate) <= whole


def test_no_javascript_rounds_the_largest() -> None:
    assert float(MAX_TOKENS) == MAX_TOKENS
    assert float(MAX_TOKENS + 1) == float(MAX_TOKENS + 2)
