"""What the console's addresses, times and payloads mean, without a browser or a database."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from guerdon import ids
from guerdon.console import asked as addresses
from guerdon.console import columns, copying, moments, narrowing, payloads
from guerdon.transactions.lists.pages import Wanted

NOW = datetime(2026, 11, 22, 22, 14, 3, tzinfo=UTC)
DUBLIN = moments.zone("Europe/Dublin", None)
TOKYO = moments.zone("Asia/Tokyo", None)


def read(**parameters: str) -> addresses.Asked:
    return addresses.read(parameters, DUBLIN, NOW)


def test_fields_are_and_and_values_are_or() -> None:
    asked = read(status="postponed,recoverable-failure", type="digital", price=">=500")
    wanted = narrowing.narrowed(Wanted("1"), asked, DUBLIN, NOW)
    assert wanted.statuses == ("postponed", "recoverable-failure")
    assert wanted.types == ("digital",)
    assert (wanted.lowest, wanted.highest) == (500, None)


def test_a_status_can_be_left_out() -> None:
    wanted = narrowing.narrowed(Wanted("1"), read(status="-success"), DUBLIN, NOW)
    assert wanted.statuses == ("pending", "postponed", "recoverable-failure", "failure")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "lost"),
        ("type", "gold"),
        ("created", "yesterday-ish"),
        ("created", "2026-11-22..2026-11-01"),
        ("price", "cheap"),
        ("age", "old"),
        ("q", "zzz"),
        ("q", "abc"),
        ("option", "Free Tickets"),
        ("result", "5x"),
        ("actor", "nobody"),
        ("actor", "-dana@example.com"),
        ("result", "-timeout"),
        ("view", "mine"),
        ("sort", "price"),
        ("limit", "51"),
        ("after", "x"),
        ("open", "x"),
        ("cols", "id,id"),
        ("tz", "Mars/Olympus"),
        ("payload", "V-1881"),
    ],
)
def test_what_does_not_read_is_marked_and_left_out(field: str, value: str) -> None:
    asked = read(**{field: value})
    assert asked.wrong
    assert narrowing.narrowed(Wanted("1"), asked, DUBLIN, NOW) == Wanted("1")
    assert asked.without(asked.tokens[0]) == {}


def test_types_actors_and_results() -> None:
    asked = read(type="-digital", actor="integrator,dana@example.com", result="timeout,5xx")
    wanted = narrowing.narrowed(Wanted("1"), asked, DUBLIN, NOW)
    assert wanted.types == ("physical", "currency")
    assert wanted.closers == ("key", "operator:dana@example.com")
    assert wanted.results == ("timed-out", "5xx")
    without = narrowing.narrowed(Wanted("1"), read(actor="-operator"), DUBLIN, NOW)
    assert without.closers == ("provider", "system", "key")


@pytest.mark.parametrize(
    ("created", "reads"),
    [
        ("24h", True),
        ("31d", True),
        ("32d", False),
        # A day of this span has 25 hours in Dublin.
        ("2026-10-01..2026-10-31", True),
        ("2026-10-01..2026-11-01", False),
        ("someday", False),
    ],
)
def test_payloads_are_searched_in_a_span_of_31_days(created: str, reads: bool) -> None:
    asked = read(payload="V-1881", created=created)
    assert asked.text == ("V-1881" if reads else None)
    assert asked.needs_span is not reads


@pytest.mark.parametrize("text", ["ab", "a" * 101, "ada@example.com", "@example"])
def test_no_email_is_looked_for_in_payloads(text: str) -> None:
    asked = read(payload=text, created="24h")
    assert asked.text is None
    assert not asked.needs_span


@pytest.mark.parametrize("text", ["-12,5 °C", 'a"b', "C:\\new*"])
def test_the_text_of_a_payload_stands_for_itself(text: str) -> None:
    asked = read(payload=text, created="24h")
    assert asked.text == text
    assert asked.tokens[1].shown == text


@pytest.mark.parametrize("text", ["a,b", "-a", "a*", "\\", "a\\,*", "-*,", "User 123"])
def test_a_user_of_any_spelling_is_one_value(text: str) -> None:
    value = addresses.escaped(text)
    asked = read(user=f"{value},ada*")
    assert asked.values("user") == [value, "ada*"]
    assert addresses.plain(value) == text
    assert addresses.begins(value) is None
    assert addresses.begins("ada*") == "ada"
    assert not value.startswith("-")


def test_filters_as_people_type_them() -> None:
    name = str(UUID(int=7))
    asked = read(
        status="-success", user="User 123,\\-x,ad*,a\\*", q="019de3f0", price=">=5", option=name
    )
    assert copying.as_query(asked.tokens) == (
        f'-status:success option:{name} user:"User 123" user:-x user:ad* user:"a*" '
        "id:019de3f0 price:>=5"
    )
    wanted = narrowing.narrowed(Wanted("1"), read(created="2026-11-20"), DUBLIN, NOW)
    call = copying.as_api_call("http://x", read(user="it's,-y", price="5").tokens, wanted)
    assert call.splitlines() == [
        "curl -G http://x/v1/transactions \\",
        '  -H "Authorization: Bearer $GUERDON_KEY" \\',
        """  --data-urlencode 'userId=it'"'"'s' \\""",
        "  --data-urlencode createdFrom=2026-11-20T00:00:00.000Z \\",
        "  --data-urlencode createdTo=2026-11-21T00:00:00.000Z",
        "# The API has no filter for: -user:y, price:5",
    ]


def test_columns_move_and_the_usual_ones_are_not_said() -> None:
    assert columns.moved(["id", "status", "price"], "up:price") == "id,price,status"
    assert columns.moved(["id", "status"], "up:id") == "id,status"
    assert columns.moved(["id", "nothing"], "down:nothing") == "id"
    assert columns.moved([], "up:id") is None
    assert columns.moved(list(columns.DEFAULT), "") is None


def test_a_day_is_the_day_of_the_zone() -> None:
    start, end = addresses.created("2026-11-22", TOKYO, NOW) or (None, None)
    assert start == datetime(2026, 11, 21, 15, tzinfo=UTC)
    assert end == datetime(2026, 11, 22, 15, tzinfo=UTC)


def test_a_span_lets_its_first_moment_in_and_its_end_out() -> None:
    asked = read(created="2026-11-20..2026-11-21")
    wanted = narrowing.narrowed(Wanted("1"), asked, DUBLIN, NOW)
    first = ids.first_id_at(datetime(2026, 11, 20, tzinfo=UTC))
    beyond = ids.first_id_at(datetime(2026, 11, 22, tzinfo=UTC))
    assert wanted.above < first
    assert wanted.below == beyond


def test_the_beginning_of_an_id_is_a_span_of_ids() -> None:
    identifier = ids.new_id(7, NOW)
    for length in (8, 13, 36):
        span = addresses.id_span(str(identifier)[:length])
        assert span is not None
        assert span[0] < identifier < span[1]
    assert addresses.id_span("f" * 32) is not None


def test_links_keep_the_rest_and_start_at_the_first_page() -> None:
    asked = read(view="all", status="postponed", user="ada", after=str(UUID(int=1)), colour="red")
    assert asked.unknown == ("colour",)
    assert asked.link(view="failed-today") == {
        "view": "failed-today",
        "status": "postponed",
        "user": "ada",
    }
    (status, user) = asked.tokens
    assert asked.without(status) == {"view": "all", "user": "ada"}
    assert asked.without(user) == {"view": "all", "status": "postponed"}


def test_ages_and_spans_in_words() -> None:
    assert moments.span(timedelta(milliseconds=38)) == "38 ms"
    assert moments.span(timedelta(seconds=10.04)) == "10.04 s"
    assert moments.age(timedelta(hours=2, minutes=14)) == "2 h 14 m"
    assert moments.age(timedelta(seconds=-5)) == "0 s"
    assert DUBLIN.absolute(NOW - timedelta(minutes=5), NOW) == "Today 22:09:03"
    assert DUBLIN.absolute(NOW - timedelta(days=1), NOW) == "Yesterday 22:14:03"
    assert DUBLIN.absolute(NOW - timedelta(days=400), NOW) == "18 Oct 2025 23:14:03"


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "", "local"])
def test_no_zone_of_that_name_is_the_local_one(name: str) -> None:
    assert moments.zone(name, "Asia/Tokyo").name == "Asia/Tokyo"


def test_a_payload_is_laid_out_without_being_changed() -> None:
    text = '{"a":1234567890123456789,"a":1.10,"b":[],"c":{"d":"</script>\\\\"},"e":[1,{"f":null}]}'
    shown = payloads.payload(text, revealed=True)
    assert shown.text == text
    plain = str(shown.laid_out.striptags())
    assert "1234567890123456789" in plain
    assert "1.10" in plain
    assert "</script>" not in str(shown.laid_out)
    assert "".join(shown.laid_out.unescape().split()).replace('<bclass="k">', "").replace(
        "</b>", ""
    ) == "".join(text.split())


def test_personal_data_is_masked_until_it_is_revealed() -> None:
    text = '{"email":"some\\"one@example.com","address":"1 Main St","price":200,"message":"x"}'
    shown = payloads.payload(text, revealed=False)
    assert shown.masked
    assert json.loads(shown.text) == {
        "email": "s•••@example.com",
        "address": "1•••",
        "price": 200,
        "message": "x",
    }
    assert payloads.payload('{"email":null}', revealed=False).masked is False


@pytest.mark.parametrize("text", ["not json", '{"a":', "[" * 5000, "", "\x00", '"\\ud800"'])
def test_what_is_no_json_is_shown_as_it_is(text: str) -> None:
    assert payloads.payload(text, revealed=False).text == text
