"""The JSON that goes out to providers, byte for byte, in the order of the contract."""

import msgspec


class _Static(msgspec.Struct, rename="camel"):
    event: str
    redeem_option_name: str
    namespace: str
    transaction_id: str
    user_id: str
    price: int
    product_name: str
    address: str | None
    email: str | None


class _Conversion(msgspec.Struct, rename="camel"):
    event: str
    redeem_option_name: str
    namespace: str
    transaction_id: str
    user_id: str
    token_amount: int
    currency: str
    currency_amount: int
    # The rate goes out as a JSON number spelt as in the option.
    conversion_rate: msgspec.Raw
    # Deprecated twin of currencyAmount, for receivers written for the original product.
    amount: int
    address: str | None
    email: str | None


_encoder = msgspec.json.Encoder()


def message_body(
    *,
    option_name: str,
    namespace: str,
    transaction_id: str,
    user_id: str,
    price: int,
    product_name: str,
    address: str | None,
    email: str | None,
    currency: str | None = None,
    currency_amount: int | None = None,
    conversion_rate: str | None = None,
) -> bytes:
    """The body of every attempt of one transaction: made once, then always the same bytes."""
    if currency is None:
        return _encoder.encode(
            _Static(
                "redeem.static",
                option_name,
                namespace,
                transaction_id,
                user_id,
                price,
                product_name,
                address,
                email,
            )
        )
    assert currency_amount is not None, "a currency option converts"
    assert conversion_rate is not None, "a currency option has a rate"
    return _encoder.encode(
        _Conversion(
            "redeem.static",
            option_name,
            namespace,
            transaction_id,
            user_id,
            price,
            currency,
            currency_amount,
            msgspec.Raw(conversion_rate.encode()),
            currency_amount,
            address,
            email,
        )
    )


def test_body(namespace: str, transaction_id: str, *, realistic: bool) -> bytes:
    """A message that moves no tokens, and that cannot be mistaken for a redemption.

    ``realistic`` gives it the shape of a real one, for receivers that know nothing else.
    """
    fields = {
        "event": "redeem.static" if realistic else "redeem.test",
        "redeemOptionName": "00000000-0000-4000-8000-000000000000",
        "namespace": namespace,
        "transactionId": transaction_id,
        "userId": "guerdon-test",
        "price": 0,
        "productName": "Test message",
        "address": None,
        "email": None,
    }
    return _encoder.encode(fields if realistic else fields | {"test": True})
