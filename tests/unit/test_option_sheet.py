"""A sheet of options: what goes out comes in again as the same options, whatever they hold."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon import strict_yaml
from guerdon.options import definition, model, sheet
from guerdon.options.model import Option

AT = datetime(2026, 1, 5, tzinfo=UTC)
PROVIDER = UUID(int=7)
words = st.text(
    st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30
) | st.sampled_from(["no", "0.0125", "17:00", "null", "- a", "a: b", " x ", "#", "'", "2026-01-05"])
lines = st.lists(words, min_size=1, max_size=3).map("\n".join)
whole = st.integers(1, 1000)
scalars = words | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 0.1, 1e16, -2.25])
conditions = st.one_of(
    st.fixed_dictionaries(
        {"attribute": words, "op": st.sampled_from(["eq", "ne"]), "value": scalars}
    ),
    st.fixed_dictionaries(
        {
            "attribute": words,
            "op": st.just("in"),
            "value": st.lists(scalars, min_size=1, max_size=3),
        }
    ),
    st.fixed_dictionaries({"attribute": words, "op": st.just("exists")}),
)
optional = {
    "description": lines,
    "details": lines,
    "group": words,
    "order": st.integers(-5, 5),
    "enabled": st.booleans(),
    "collectEmail": st.booleans(),
    "sendAddress": st.booleans(),
    "limits": st.fixed_dictionaries(
        {},
        optional={
            "total": whole,
            "perMember": whole,
            "perMemberPeriod": st.fixed_dictionaries({"count": whole, "days": whole}),
        },
    ),
    "window": st.fixed_dictionaries(
        {},
        optional={
            "from": st.just("2026-01-05T10:00:00.000Z"),
            "weekdays": st.just([1, 5]),
            "hours": st.just([["09:00", "17:00"], ["22:00", "02:00"]]),
            "timeZone": st.just("Europe/Dublin"),
        },
    ),
    "audience": st.lists(st.lists(conditions, min_size=1, max_size=2), max_size=2),
    "blockedMessage": lines,
    "postponedDeadlineHours": whole,
    "language": st.just("en"),
    "translations": st.dictionaries(
        st.sampled_from(["no", "de", "pt-BR"]), st.fixed_dictionaries({"title": words}), max_size=3
    ),
}
RATE = st.sampled_from(["0.0125", "1", "0.10", "12.5"])
terms = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["digital", "physical"]), "price": whole}),
    st.fixed_dictionaries(
        {
            "type": st.just("currency"),
            "minTokens": whole,
            "maxTokens": st.integers(1000, 2000),
            "rates": st.tuples(RATE, RATE).map(
                lambda two: [
                    {"currency": name, "rate": rate}
                    for name, rate in zip(("EUR", "NOK"), two, strict=True)
                ]
            ),
        }
    ),
)


@st.composite
def options(draw: st.DrawFn) -> Option:
    body: dict[str, Any] = {**draw(terms), **draw(st.fixed_dictionaries({}, optional=optional))}
    body |= {"title": draw(words), "providerId": str(PROVIDER)}
    return definition.new("1", draw(st.uuids()), AT, body)


def read_again(text: str) -> list[Option]:
    wanted, errors = sheet.read(strict_yaml.parse(text).value, {"Rewards": PROVIDER})
    assert errors == []
    return [
        definition.new("1", UUID(int=0), AT, {**one.body, "name": str(one.name), "type": one.type})
        for one in wanted
    ]


@settings(max_examples=60)
@given(st.lists(options(), max_size=3, unique_by=lambda option: option.name))
def test_what_goes_out_comes_in_again(given: list[Option]) -> None:
    text = strict_yaml.write(sheet.written(given, {PROVIDER: "Rewards"}))
    assert read_again(text) == given


def test_a_sheet_leaves_out_what_is_at_its_default_and_spells_rates_as_they_are() -> None:
    plain = {"type": "digital", "title": "Coffee", "price": 30, "providerId": str(PROVIDER)}
    option = definition.new("1", UUID(int=1), AT, plain)
    assert list(sheet.row(option, "Rewards")) == ["name", "type", "title", "provider", "price"]
    text = f"""
options:
  - name: {UUID(int=2)}
    type: currency
    title: Cash
    provider: Rewards
    minTokens: 1
    maxTokens: 2
    rates:
      - {{currency: EUR, rate: 0.0125}}
      - {{currency: GBP, rate: 1}}
    audience:
      - - {{attribute: share, op: gt, value: 0.5}}
"""
    (cash,) = read_again(text)
    assert [rate.spelling for rate in cash.rates.values()] == ["0.0125", "1"]
    assert cash.audience[0][0].value == 0.5
    shown: Any = model.definition(cash)["audience"]
    assert isinstance(shown[0][0]["value"], float)
