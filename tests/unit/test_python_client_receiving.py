"""A provider's receiving end by the Python client: messages, refusals, and both gateways."""

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from guerdon.providers import outcomes, wire
from guerdon_client import (
    ASGIReceiver,
    CurrencyMessage,
    Decision,
    Message,
    RewardMessage,
    WSGIReceiver,
    sign,
)

SECRET = "whsec_c2VjcmV0"
AUTHORIZATION = "Basic cHJvdmlkZXI6c2VjcmV0"
SAME: dict[str, Any] = {
    "option_name": "5c787af5-d28e-4567-809c-b030877d9355",
    "namespace": "1",
    "transaction_id": "eefa3829-2d0c-8785-ab52-5e10e7eb404e",
    "user_id": "User 123",
    "product_name": "Free Tickets",
}
STATIC = wire.message_body(**SAME, price=200, address=None, email="someone@example.com")
MONEY = wire.message_body(
    **SAME,
    price=400,
    address=None,
    email=None,
    currency="EUR",
    currency_amount=500,
    conversion_rate="0.01250",
)
Answer = tuple[int, dict[str, str], Any]
Ask = Callable[..., Answer]


def through_wsgi(
    decide: Callable[[Message], Decision], body: bytes, headers: dict[str, str], method: str
) -> Answer:
    application = validator(WSGIReceiver([SECRET], decide, authorization=AUTHORIZATION))
    environ: dict[str, Any] = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()
    }
    setup_testing_defaults(environ)
    environ |= {
        "REQUEST_METHOD": method,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    told: list[Any] = []
    result = application(environ, lambda status, headers, _=None: told.extend((status, headers)))
    said = b"".join(result)
    result.close()  # type: ignore[attr-defined]
    return int(told[0].split()[0]), dict(told[1]), json.loads(said)


def through_asgi(
    decide: Callable[[Message], Decision], body: bytes, headers: dict[str, str], method: str
) -> Answer:
    async def give(message: Message) -> Decision:
        return decide(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)] or [b""]
    events = [
        {"type": "http.request", "body": piece, "more_body": n < len(pieces) - 1}
        for n, piece in enumerate(pieces)
    ]
    said = drive_asgi(
        ASGIReceiver([SECRET], give, authorization=AUTHORIZATION),
        {"type": "http", "method": method, "headers": raw},
        events,
    )
    start, end = said
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    titled = {name.title(): value for name, value in told.items()}
    return start["status"], titled, json.loads(end["body"])


def drive_asgi(application: Any, scope: dict[str, Any], events: list[Any]) -> list[Any]:
    """What an ASGI application sends when these events come."""
    said: list[Any] = []

    async def receive() -> Any:
        return events.pop(0)

    async def send(event: Any) -> None:
        said.append(event)

    running: Awaitable[None] = application(scope, receive, send)
    asyncio.run(running)  # type: ignore[arg-type]
    return said


@pytest.fixture(params=[through_wsgi, through_asgi])
def ask(request: Any) -> Ask:
    """Asks a receiver behind either gateway: the status, the headers and the JSON of its answer."""

    def asked(
        decide: Callable[[Message], Decision],
        body: bytes = STATIC,
        method: str = "POST",
        **changed: str | None,
    ) -> Answer:
        headers = sign(SECRET, SAME["transaction_id"], body) | {"Authorization": AUTHORIZATION}
        headers |= {name.replace("_", "-"): value for name, value in changed.items() if value}
        gone = {name.replace("_", "-") for name, value in changed.items() if value is None}
        kept = {name: value for name, value in headers.items() if name not in gone}
        answer: Answer = request.param(decide, body, kept, method)
        return answer

    return asked


def unasked(message: Message) -> Decision:
    raise AssertionError(f"it was asked about {message}")


def test_the_nine_fields_arrive(ask: Ask) -> None:
    came: list[Message] = []

    def decide(message: Message) -> Decision:
        came.append(message)
        return Decision.success(reference="V-1", message="Sent by post")

    status, headers, said = ask(decide)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert said == {"status": "success", "reference": "V-1", "message": "Sent by post"}
    (message,) = came
    assert isinstance(message, RewardMessage)
    assert (message.event, message.price, message.product_name) == (
        "redeem.static",
        200,
        "Free Tickets",
    )
    assert message.redeem_option_name == SAME["option_name"]
    assert (message.namespace, message.user_id) == ("1", "User 123")
    assert message.transaction_id == SAME["transaction_id"]
    assert (message.address, message.email, message.test) == (None, "someone@example.com", False)
    assert message.fields == json.loads(STATIC)


def test_the_currency_form_arrives(ask: Ask) -> None:
    came: list[Message] = []

    def decide(message: Message) -> Decision:
        came.append(message)
        return Decision.failure("Sold out")

    assert ask(decide, MONEY)[2] == {"status": "failure", "message": "Sold out"}
    (message,) = came
    assert isinstance(message, CurrencyMessage)
    assert (message.token_amount, message.currency, message.currency_amount) == (400, "EUR", 500)
    assert str(message.conversion_rate) == "0.01250"
    assert message.conversion_rate * 400 * 100 == Decimal(500)


def test_a_test_message_says_that_it_is_one(ask: Ask) -> None:
    came: list[Message] = []

    def decide(message: Message) -> Decision:
        came.append(message)
        return Decision.postponed()

    assert ask(decide, wire.test_body("1", "t", realistic=False))[2] == {"status": "postponed"}
    assert (came[0].event, came[0].test) == ("redeem.test", True)


@pytest.mark.parametrize(
    ("decision", "evidence"),
    [
        (Decision.success(), "S"),
        (Decision.failure(), "F"),
        (Decision.postponed(), "P"),
        (Decision.recoverable_failure("Who knows"), "U"),
    ],
)
def test_decisions_are_understood_in_both_dialects(
    ask: Ask, decision: Decision, evidence: str
) -> None:
    status, _, said = ask(lambda _: decision)
    seen = outcomes.Observation(status=status, body=json.dumps(said).encode())
    dialects: tuple[outcomes.Dialect, ...] = ("status-code", "json")
    for dialect in dialects:
        judged = outcomes.classify(seen, dialect, SAME["transaction_id"])
        assert (judged.evidence, judged.alarm) == (evidence, False)


def test_who_is_not_believed_gets_401_and_no_reward(ask: Ask) -> None:
    assert ask(unasked, webhook_signature="v1,AAAA")[0] == 401
    assert ask(unasked, webhook_signature=None)[0] == 401
    assert ask(unasked, webhook_timestamp="1")[0] == 401
    assert ask(unasked, Authorization=None)[0] == 401
    assert ask(unasked, Authorization=AUTHORIZATION + "x")[0] == 401


def test_what_is_no_message_is_refused(ask: Ask) -> None:
    for body in (b"", b"{", b"[]", b"5", b"{}", STATIC.replace(b"200", b'"200"'), b"\xff"):
        status, _, said = ask(unasked, body)
        assert (status, list(said)) == (400, ["detail"])
    status, headers, _ = ask(unasked, method="PUT")
    assert (status, headers["Allow"]) == (405, "POST")
    assert ask(unasked, STATIC + b" " * 65536)[0] == 413


def test_what_the_decision_raises_is_the_servers_to_log(ask: Ask) -> None:
    def breaks(_: Message) -> Decision:
        raise RuntimeError("the voucher printer is on fire")

    with pytest.raises(RuntimeError, match="on fire"):
        ask(breaks)


def test_secrets_are_checked_at_the_start() -> None:
    for made in (WSGIReceiver, ASGIReceiver):
        for wrong in ("", [], "whsec_%"):
            with pytest.raises(ValueError, match="A secret is whsec_"):
                made(wrong, unasked)  # type: ignore[operator]


async def _never(message: Message) -> Decision:
    return unasked(message)


def test_an_asgi_server_may_start_and_end_it_and_senders_may_go() -> None:
    receiver = ASGIReceiver(SECRET, _never)
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    said = drive_asgi(receiver, {"type": "lifespan"}, events)
    assert [one["type"] for one in said] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    gone = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    assert drive_asgi(receiver, {"type": "http", "method": "POST", "headers": []}, gone) == []
    with pytest.raises(ValueError, match="websocket"):
        drive_asgi(receiver, {"type": "websocket"}, [])
