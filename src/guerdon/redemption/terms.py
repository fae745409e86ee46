"""The terms of a redemption: what it costs, what it pays out, and where it is sent."""

from typing import NoReturn

from guerdon.amount import MAX_TOKENS, minor_units
from guerdon.errors import InvalidRequest, PriceChanged
from guerdon.members.model import Member
from guerdon.options.model import Option


def contact(
    option: Option, member: Member, email: str | None, address: str | None
) -> tuple[str | None, str | None]:
    """Email and address: the request's, else the profile's; refused where asked for and missing."""
    email = email if email is not None else member.email
    address = address if address is not None else member.address
    missing = [
        {"pointer": f"/{name}", "detail": f"this option asks for the member's {name}"}
        for name, value, asked in (
            ("email", email, option.collect_email),
            ("address", address, option.collect_address),
        )
        if asked and not value
    ]
    if missing:
        raise InvalidRequest("Something this option needs is missing.", errors=missing)
    return email, address


def price(
    option: Option, token_amount: int | None, currency: str | None
) -> tuple[int, int | None, str | None]:
    """Tokens to hold, and for a currency option the hundredths and the rate as spelt."""
    if option.type != "currency":
        if token_amount is not None or currency is not None:
            _invalid("/tokenAmount", "only a currency option takes tokenAmount and currency")
        assert option.price is not None, "options of these types have a price"
        return option.price, None, None
    if token_amount is None:
        _invalid("/tokenAmount", "a currency option needs it")
    if currency is None:
        _invalid("/currency", "a currency option needs it")
    assert option.min_tokens is not None, "currency options have a range"
    assert option.max_tokens is not None, "currency options have a range"
    if not option.min_tokens <= token_amount <= option.max_tokens:
        _invalid("/tokenAmount", f"must be {option.min_tokens} to {option.max_tokens} tokens")
    rate = option.rates.get(currency)
    if rate is None:
        _invalid("/currency", f"must be one of {', '.join(sorted(option.rates))}")
    minor = minor_units(token_amount, rate.value)
    if not 0 < minor <= MAX_TOKENS:
        _invalid("/tokenAmount", "converts to an amount that cannot be paid out")
    return token_amount, minor, rate.spelling


def refuse_other_price(
    price: int,
    minor: int | None,
    expected_price: int | None,
    expected_currency_amount: int | None,
) -> None:
    """``PriceChanged`` where the member was shown something else."""
    if expected_price is not None and expected_price != price:
        raise PriceChanged("The price is no longer what was shown.", price=price)
    if expected_currency_amount is not None and expected_currency_amount != minor:
        raise PriceChanged("The amount is no longer what was shown.", currencyAmount=minor)


def _invalid(pointer: str, detail: str) -> NoReturn:
    raise InvalidRequest(
        "The request does not fit this option.", errors=[{"pointer": pointer, "detail": detail}]
    )
