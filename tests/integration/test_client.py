"""One attempt over real sockets: what the client observes, and what that is evidence of.

The provider (``tests/faults/provider.py``) knows the truth. "Nothing was sent" may be said only
where no request arrived.
"""

import gzip
import socket

import pytest
from tests.faults import provider as faults
from tests.faults.attempts import TRANSACTION, judged, outbound
from tests.faults.authority import Authority
from tests.faults.provider import Behaviour, FaultProvider, head, raw, reply, says

from guerdon.providers.client import ProviderClient

# What was answered, in the dialects json and status-code, and the class of evidence in each.
TABLE: list[tuple[str, Behaviour, str, str]] = [
    ("success", says("success"), "S", "S"),
    ("success in a 201", says("success", 201), "S", "S"),
    ("success in a 500", says("success", 500), "S", "S"),
    ("failure", says("failure"), "F", "F"),
    ("failure in a 422", says("failure", 422), "F", "F"),
    ("postponed", says("postponed"), "P", "P"),
    ("recoverable-failure", says("recoverable-failure"), "U", "U"),
    ("our own ID", says("success", transactionId=TRANSACTION), "S", "S"),
    ("another ID", says("success", transactionId="another"), "U", "U"),
    ("200 without a body", reply(200), "U", "S"),
    ("201 without a body", reply(201), "U", "P"),
    ("202 without a body", reply(202), "P", "P"),
    ("202 with a body", reply(202, b"queued"), "U", "P"),
    ("204", reply(204), "U", "U"),
    ("206", reply(206, b"part"), "U", "U"),
    ("misspelt", says("Success"), "U", "U"),
    ("failed", says(" FAILED "), "U", "U"),
    ("another status", says("ok"), "U", "S"),
    ("no object", reply(200, ["success"]), "U", "S"),
    ("malformed", reply(200, b'{"status": "fail'), "U", "S"),
    ("duplicate keys", reply(200, b'{"status":"failure","status":"success"}'), "U", "S"),
    ("too deep", reply(200, b"[" * 5000 + b"]" * 5000), "U", "S"),
    ("no UTF-8", reply(200, b'{"status": "\xff"}'), "U", "S"),
    ("301", reply(301, None, "Location: /elsewhere"), "U", "U"),
    ("307", reply(307, None, "Location: /elsewhere"), "U", "U"),
    ("304", reply(304), "U", "U"),
    ("400", reply(400), "R", "R"),
    ("404", reply(404, b"<html>not here</html>"), "R", "R"),
    ("409", reply(409), "U", "U"),
    ("418", reply(418), "U", "U"),
    ("408", reply(408), "N", "N"),
    ("425", reply(425), "N", "N"),
    ("429", reply(429), "N", "N"),
    ("500", reply(500), "U", "U"),
    ("503", reply(503), "U", "U"),
    ("599", reply(599), "U", "U"),
    ("600", reply(600), "U", "U"),
    ("999", reply(999), "U", "U"),
    ("three digits below 100", reply(99), "U", "U"),
    ("four digits", raw(head(2000, "Content-Length: 0")), "U", "U"),
    ("nothing at all", faults.closes, "U", "U"),
    ("reset", faults.resets, "U", "U"),
    ("cut in the status line", raw(b"HTTP/1.1 20"), "U", "U"),
    ("cut in the headers", raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "U", "U"),
    ("cut before the body", raw(head(200, "Content-Length: 20")), "U", "U"),
    ("cut in the body", raw(head(200, "Content-Length: 20") + b'{"status":'), "U", "U"),
    (
        "cut though it reads as an answer",
        raw(head(200, "Content-Length: 99") + b'{"status": "failure"}'),
        "U",
        "U",
    ),
    ("cut in a chunk", raw(head(200, "Transfer-Encoding: chunked") + b"5\r\nab"), "U", "U"),
    (
        "no last chunk",
        raw(head(200, "Transfer-Encoding: chunked") + b'15\r\n{"status": "failure"}\r\n'),
        "U",
        "U",
    ),
    ("bad chunk size", raw(head(200, "Transfer-Encoding: chunked") + b"zz\r\nab\r\n"), "U", "U"),
    ("reset in the body", faults.begins_and_resets(head(200, "Content-Length: 9")), "U", "U"),
    (
        "two Content-Lengths",
        raw(head(200, "Content-Length: 21", "Content-Length: 3") + b'{"status": "success"}'),
        "U",
        "U",
    ),
    (
        "Content-Length and Transfer-Encoding",
        raw(
            head(200, "Content-Length: 3", "Transfer-Encoding: chunked")
            + b'15\r\n{"status": "success"}\r\n0\r\n\r\n'
        ),
        "U",
        "U",
    ),
    ("odd Content-Length", raw(head(200, "Content-Length: +2") + b"{}"), "U", "U"),
    ("NUL in a header", raw(head(200, "Content-Length: 0", "X-A: a\0b")), "U", "U"),
    ("header without a colon", raw(head(200, "Content-Length: 0", "nonsense")), "U", "U"),
    ("HTTP/0.9", raw(b'{"status": "success"}'), "U", "U"),
    ("HTTP/2 preface", raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "U", "U"),
    ("not HTTP", raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "U", "U"),
    ("endless header", raw(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 200_000), "U", "U"),
    ("switches protocols", raw(head(101, "Upgrade: websocket", "Connection: upgrade")), "U", "U"),
    (
        "an interim answer first",
        raw(head(103, "Link: </a>") + head(200, "Content-Length: 21") + b'{"status": "success"}'),
        "S",
        "S",
    ),
    ("only interim answers", raw(head(100) + head(102)), "U", "U"),
    (
        "obsolete folding, which is tolerated",
        raw(head(200, "X-A: a\r\n  b", "Content-Length: 21") + b'{"status": "success"}'),
        "S",
        "S",
    ),
    ("ended by closing", raw(head(200) + b'{"status": "failure"}'), "F", "F"),
    (
        "gzip that was not asked for",
        reply(200, gzip.compress(b'{"status": "failure"}'), "Content-Encoding: gzip"),
        "U",
        "S",
    ),
]


@pytest.mark.parametrize(
    ("name", "behaviour", "json", "code"), TABLE, ids=[row[0] for row in TABLE]
)
async def test_the_class_of_evidence(
    provider: FaultProvider,
    client: ProviderClient,
    name: str,
    behaviour: Behaviour,
    json: str,
    code: str,
) -> None:
    provider.answers(behaviour)
    seen = await client.send(outbound(provider.url))
    assert seen.sent
    assert (judged(seen, "json").evidence, judged(seen, "status-code").evidence) == (json, code)
    assert provider.count(TRANSACTION) == 1


@pytest.mark.parametrize("status", range(100, 600))
async def test_every_status_has_a_class(
    provider: FaultProvider, client: ProviderClient, status: int
) -> None:
    provider.answers(raw(head(status, "Content-Length: 0")))
    seen = await client.send(outbound(provider.url))
    expected = "U"
    if status in (408, 425, 429):
        expected = "N"
    elif status in (400, 401, 403, 404, 405, 410, 413, 414, 415, 421, 422, 426, 431, 451):
        expected = "R"
    elif status in (200, 201, 202):
        expected = "S" if status == 200 else "P"
    assert judged(seen, "status-code").evidence == expected
    assert provider.count(TRANSACTION) == 1


async def test_a_refused_connection_sent_nothing(client: ProviderClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    seen = await client.send(outbound(f"http://127.0.0.1:{port}/"))
    assert (judged(seen).rule, seen.sent) == ("no-connection", False)


async def test_a_full_backlog_ends_at_the_deadline_with_nothing_sent(
    client: ProviderClient,
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        address = listening.getsockname()
        filling = [socket.socket() for _ in range(4)]
        for one in filling:
            one.setblocking(False)
            one.connect_ex(address)
        seen = await client.send(outbound(f"http://127.0.0.1:{address[1]}/", seconds=2))
        for one in filling:
            one.close()
    assert (judged(seen).rule, seen.sent) == ("no-connection", False)


async def test_a_certificate_for_another_name_sent_nothing(
    client: ProviderClient, authority: Authority
) -> None:
    async with faults.serving(authority.serves("elsewhere.test")) as other:
        seen = await client.send(outbound(other.url))
        assert (judged(seen).rule, seen.sent) == ("tls-failure", False)
        assert other.received == []


async def test_a_certificate_of_an_unknown_authority_sent_nothing(client: ProviderClient) -> None:
    async with faults.serving(Authority().serves("127.0.0.1")) as other:
        seen = await client.send(outbound(other.url))
        assert (judged(seen).rule, seen.sent) == ("tls-failure", False)
        assert other.received == []


async def test_https_to_a_server_that_speaks_plainly_sent_nothing(
    provider: FaultProvider, client: ProviderClient
) -> None:
    provider.door = raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    seen = await client.send(outbound(provider.url.replace("http:", "https:")))
    assert (judged(seen).evidence, seen.sent) == ("N", False)
    assert provider.received == []


async def test_a_handshake_that_hangs_ends_at_the_deadline_with_nothing_sent(
    provider: FaultProvider, client: ProviderClient
) -> None:
    provider.door = faults.hangs
    seen = await client.send(outbound(provider.url.replace("http:", "https:"), seconds=2))
    assert (judged(seen).evidence, seen.sent) == ("N", False)


async def test_accepted_and_closed_is_unknown(
    provider: FaultProvider, client: ProviderClient
) -> None:
    """The request may have been read before the end: nobody can prove that it was not."""
    provider.door = faults.closes
    seen = await client.send(outbound(provider.url))
    assert (judged(seen).evidence, seen.sent) == ("U", True)
    assert provider.received == []


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://10.1.2.3/", "unusable-url"),
        ("https://10.1.2.3/", "unusable-url"),
        ("https://169.254.169.254/latest/meta-data/", "unusable-url"),
        ("https://[::ffff:10.0.0.1]/", "unusable-url"),
        ("https://[64:ff9b::a00:1]/", "unusable-url"),
        ("http://93.184.216.34/", "unusable-url"),
        ("https://127.0.0.1:22/", "unusable-url"),
        ("https://2130706433/", "unusable-url"),
        ("https://user:secret@127.0.0.1/", "unusable-url"),
        ("ftp://127.0.0.1/", "unusable-url"),
        ("https://", "unusable-url"),
        ("not a url", "unusable-url"),
        ("https://" + "a" * 64 + ".test/", "unusable-url"),
    ],
)
async def test_an_address_that_may_not_be_dialled_is_a_matter_of_configuration(
    client: ProviderClient, url: str, rule: str
) -> None:
    seen = await client.send(outbound(url))
    judgement = judged(seen)
    assert (judgement.rule, judgement.configuration, seen.sent) == (rule, True, False)
