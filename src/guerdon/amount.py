"""Tokens and money as exact numbers.

Tokens are whole, non-negative and at most ``MAX_TOKENS``, so that no JavaScript rounds them.
Currency amounts are hundredths of every currency, rounded down (``product.md``, redeem options).
"""

from decimal import ROUND_FLOOR, Context, Decimal

MAX_TOKENS = 2**53 - 1

# 16 digits of tokens times a rate of up to 28 digits, times 100, without rounding on the way.
_EXACT = Context(prec=60, rounding=ROUND_FLOOR)


def minor_units(token_amount: int, rate: Decimal) -> int:
    """``floor(token_amount * rate * 100)``; ``rate`` is units of currency a token."""
    product = _EXACT.multiply(_EXACT.multiply(Decimal(token_amount), rate), Decimal(100))
    return int(product.to_integral_value(rounding=ROUND_FLOOR))
