"""The bytes that go to providers: exactly these."""

import json
from typing import Any

import pytest

from guerdon.providers import wire

ID = "0198a3f0-0000-8abc-8000-000000000002"
OPTION = "7f3c1f6e-0d5c-4d0e-9a55-2f8f0d3f8a11"


def static(**changed: Any) -> bytes:
    usual: dict[str, Any] = {
        "option_name": OPTION,
        "namespace": "1",
        "transaction_id": ID,
        "user_id": "User 123",
        "price": 200,
        "product_name": "Free Tickets",
        "address": "address_123",
        "email": "someone@example.com",
    }
    return wire.message_body(**{**usual, **changed})


def test_physical_and_digital() -> None:
    assert static() == (
        b'{"event":"redeem.static","redeemOptionName":"7f3c1f6e-0d5c-4d0e-9a55-2f8f0d3f8a11",'
        b'"namespace":"1","transactionId":"0198a3f0-0000-8abc-8000-000000000002",'
        b'"userId":"User 123","price":200,"productName":"Free Tickets",'
        b'"address":"address_123","email":"someone@example.com"}'
    )


def test_address_and_email_are_always_there() -> None:
    assert static(address=None, email=None).endswith(b',"address":null,"email":null}')
    assert static(address="", email=None).endswith(b',"address":"","email":null}')


def test_currency() -> None:
    body = static(
        price=1000, currency="EUR", currency_amount=1250, conversion_rate="0.0125", address=None
    )
    assert body == (
        b'{"event":"redeem.static","redeemOptionName":"7f3c1f6e-0d5c-4d0e-9a55-2f8f0d3f8a11",'
        b'"namespace":"1","transactionId":"0198a3f0-0000-8abc-8000-000000000002",'
        b'"userId":"User 123","tokenAmount":1000,"currency":"EUR","currencyAmount":1250,'
        b'"conversionRate":0.0125,"amount":1250,"address":null,"email":"someone@example.com"}'
    )


@pytest.mark.parametrize(
    "rate", ["1", "0.10", "0.0125000", "0.1234567890123456789012345678", "100000000000000000000.5"]
)
def test_a_rate_goes_out_as_it_is_spelt(rate: str) -> None:
    body = static(currency="EUR", currency_amount=1, conversion_rate=rate)
    assert f'"conversionRate":{rate},'.encode() in body
    json.loads(body)


def test_large_amounts_keep_every_digit() -> None:
    largest = 2**53 - 1
    assert b'"price":9007199254740991,' in static(price=largest)
    body = static(price=largest, currency="EUR", currency_amount=largest, conversion_rate="0.01")
    assert json.loads(body)["tokenAmount"] == json.loads(body)["currencyAmount"] == largest


def test_texts_arrive_as_they_were_written() -> None:
    odd = 'Zoë "Z" \\ </script> \u2028 😀 \t\x1f'
    read = json.loads(static(user_id=odd, product_name=odd, address=odd, email=odd))
    assert [read[name] for name in ("userId", "productName", "address", "email")] == [odd] * 4


def test_the_same_facts_make_the_same_bytes() -> None:
    assert static() == static()


def test_a_test_message_cannot_be_mistaken_for_a_redemption() -> None:
    read = json.loads(wire.test_body("1", ID, realistic=False))
    assert read["event"] == "redeem.test"
    assert read["test"] is True
    assert (read["userId"], read["price"], read["transactionId"]) == ("guerdon-test", 0, ID)


def test_a_realistic_one_has_the_shape_of_a_real_one() -> None:
    realistic = json.loads(wire.test_body("1", ID, realistic=True))
    assert list(realistic) == list(json.loads(static()))
    assert (realistic["event"], realistic["price"]) == ("redeem.static", 0)
