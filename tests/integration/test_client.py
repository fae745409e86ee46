"""One attempt over real sockets: what the client observes, and what that is evidence of.

The provider (``tests/faults/provider.py``) knows the truth. "Nothing was sent" may be said only
where no request arrived.
"""

import asyncio
import gzip
import os
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from tests.conftest import LOOPBACK
from tests.faults import provider as faults
from tests.faults.authority import Authority
from tests.faults.provider import Behaviour, FaultProvider, head, raw, reply, says

from guerdon import __version__, clock
from guerdon.providers import envelope, outcomes, signing
from guerdon.providers.client import LARGEST_ANSWER, Outbound, ProviderClient
from guerdon.providers.model import Provider
from guerdon.providers.outcomes import Dialect, Judgement, Observation

TRANSACTION = "0192f0c1-2b3c-8abc-8def-000000000001"
BODY = b'{"transactionId": "%s"}' % TRANSACTION.encode()
SECRET, PREVIOUS = "whsec_" + "QUFB" * 8, "whsec_" + "QkJC" * 8


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def provider() -> AsyncIterator[FaultProvider]:
    async with faults.serving() as serving:
        yield serving


@pytest.fixture
async def secure(authority: Authority) -> AsyncIterator[FaultProvider]:
    async with faults.serving(authority.serves("127.0.0.1", "rewards.test")) as serving:
        yield serving


@pytest.fixture
async def client(authority: Authority) -> AsyncIterator[ProviderClient]:
    made = ProviderClient(LOOPBACK, trust=authority.trusts())
    yield made
    await made.close()


def outbound(url: str, *, seconds: float = 20, reuse: bool = False) -> Outbound:
    return Outbound("POST", url, {"Content-Type": "application/json"}, BODY, seconds, reuse)


def judged(seen: Observation, dialect: Dialect = "json") -> Judgement:
    return outcomes.classify(seen, dialect, TRANSACTION)


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


# Nothing was sent ------------------------------------------------------------------------------


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


# Names -----------------------------------------------------------------------------------------


class Names:
    """Stands in for the system's resolver, which tests cannot make answer."""

    def __init__(self, answers: list[list[str] | int]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, *rest: object, **named: object) -> list[object]:
        self.asked.append(host)
        answer = self._answers.pop(0)
        if isinstance(answer, int):
            raise socket.gaierror(answer, "as the test says")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answer]


async def test_the_name_is_looked_up_once_and_dialled_by_its_address(
    secure: FaultProvider, client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look-up would answer 10.0.0.1: the address that was vetted is the one dialled."""
    names = Names([["127.0.0.1"], ["10.0.0.1"]])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    seen = await client.send(outbound(f"https://rewards.test:{secure.port}/a%2Fb?c=d%20e"))
    assert seen.status == 200
    assert names.asked == ["rewards.test"]
    assert secure.server_names == ["rewards.test"]
    (received,) = secure.received
    assert received.header("host") == f"rewards.test:{secure.port}"
    assert received.target == "/a%2Fb?c=d%20e"


async def test_one_private_answer_spoils_all(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names([["127.0.0.1", "10.0.0.1"]]))
    judgement = judged(await client.send(outbound("https://rewards.test/")))
    assert (judgement.rule, judgement.configuration) == ("blocked-address", True)


async def test_a_dead_address_is_passed_over(
    secure: FaultProvider, client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names([["127.0.0.9", "127.0.0.1"]]))
    seen = await client.send(outbound(f"https://rewards.test:{secure.port}/"))
    assert (seen.status, secure.count(TRANSACTION)) == (200, 1)


@pytest.mark.parametrize(
    ("trouble", "rule", "configuration"),
    [
        (socket.EAI_NONAME, "no-such-host", True),
        (socket.EAI_AGAIN, "dns-trouble", False),
        (socket.EAI_FAIL, "dns-trouble", False),
    ],
)
async def test_a_name_that_cannot_be_looked_up(
    client: ProviderClient,
    monkeypatch: pytest.MonkeyPatch,
    trouble: int,
    rule: str,
    configuration: bool,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names([trouble]))
    judgement = judged(await client.send(outbound("https://rewards.test/")))
    assert (judgement.rule, judgement.configuration) == (rule, configuration)


async def test_attempts_to_one_host_share_a_look_up(
    secure: FaultProvider, client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a name server that hangs would occupy every thread, for the other providers as well."""
    names = Names([["127.0.0.1"]])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    url = f"https://rewards.test:{secure.port}/"
    seen = await asyncio.gather(*(client.send(outbound(url)) for _ in range(50)))
    assert {one.status for one in seen} == {200}
    assert names.asked == ["rewards.test"]


# The deadline and the size ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour",
    [
        faults.hangs,
        faults.trickles(b"", b"H"),
        faults.trickles(b"HTTP/1.1 200 OK\r\n", b"X"),
        faults.trickles(head(200)),
        faults.trickles(head(200, "Content-Length: 60000")),
        faults.trickles(head(200, "Transfer-Encoding: chunked"), b"1\r\n \r\n"),
        faults.trickles(b"", head(100)),
    ],
    ids=["silence", "status line", "headers", "body", "long body", "chunks", "interim answers"],
)
async def test_the_deadline_is_one_clock_around_everything(
    provider: FaultProvider, client: ProviderClient, behaviour: Behaviour
) -> None:
    provider.answers(behaviour)
    async with asyncio.timeout(20):
        seen = await client.send(outbound(provider.url, seconds=2))
    assert judged(seen, "status-code").evidence == "U"
    assert seen.sent


def resident() -> int:
    """Bytes of this process in memory now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


BOMB = gzip.compress(bytes(200_000_000), 9)


@pytest.mark.parametrize(
    "behaviour",
    [
        faults.floods(head(200, "Content-Length: 200000000"), bytes(100_000), 2000),
        faults.floods(head(200), bytes(100_000), 2000),
        reply(200, BOMB, "Content-Encoding: gzip"),
        faults.floods(head(100) * 200, head(100) * 200, 400),
    ],
    ids=["200 MB", "200 MB until it closes", "gzip bomb", "interim answers"],
)
async def test_an_answer_without_measure_takes_no_memory(
    provider: FaultProvider, client: ProviderClient, behaviour: Behaviour
) -> None:
    await client.send(outbound(provider.url))  # what is loaded once is not growth
    provider.answers(behaviour)
    before = resident()
    seen = await client.send(outbound(provider.url))
    assert resident() - before < 5_000_000
    assert len(seen.body) <= LARGEST_ANSWER
    assert judged(seen, "status-code").evidence == "U"


async def test_the_largest_answer_is_still_read(
    provider: FaultProvider, client: ProviderClient
) -> None:
    answer = b'{"status": "failure"}'.ljust(LARGEST_ANSWER)
    provider.answers(reply(200, answer), reply(200, answer + b" "))
    assert judged(await client.send(outbound(provider.url))).evidence == "F"
    assert judged(await client.send(outbound(provider.url))).rule == "cut"


# TLS, redirects, proxies, connections ----------------------------------------------------------


async def test_an_alert_in_the_body_is_unknown(
    secure: FaultProvider, client: ProviderClient
) -> None:
    for begin in (head(200, "Content-Length: 99"), head(200), b"HTTP/1.1 200 OK\r\n"):
        secure.answers(faults.breaks_tls(begin))
        seen = await client.send(outbound(secure.url))
        assert (judged(seen, "status-code").evidence, seen.sent) == ("U", True)


async def test_redirects_are_not_followed(provider: FaultProvider, client: ProviderClient) -> None:
    async with faults.serving() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            for where in ("http://169.254.169.254/latest/meta-data/", elsewhere.url, "/hook"):
                provider.answers(reply(status, None, f"Location: {where}"))
                judgement = judged(await client.send(outbound(provider.url)), "status-code")
                assert (judgement.evidence, judgement.alarm) == ("U", True)
        assert elsewhere.connections == 0
        assert provider.count(TRANSACTION) == 15


async def test_proxies_of_the_environment_are_not_used(
    provider: FaultProvider, client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with faults.serving() as proxy:
        for variable in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        await client.send(outbound(provider.url))
        assert (proxy.connections, provider.count(TRANSACTION)) == (0, 1)


async def test_a_fresh_connection_for_each_attempt(
    provider: FaultProvider, client: ProviderClient
) -> None:
    provider.answers(reply(200, None, keep=True))
    for _ in range(3):
        await client.send(outbound(provider.url))
    assert provider.connections == 3


async def test_a_provider_that_opts_in_keeps_its_connection(
    provider: FaultProvider, client: ProviderClient
) -> None:
    provider.answers(reply(200, None, keep=True))
    for _ in range(3):
        assert (await client.send(outbound(provider.url, reuse=True))).status == 200
    assert (provider.connections, provider.count(TRANSACTION)) == (1, 3)


async def test_a_kept_connection_that_was_closed_is_never_sent_on_twice(
    provider: FaultProvider, client: ProviderClient
) -> None:
    """The race of keep-alive: whatever is said of the second attempt, it went out at most once."""
    provider.answers(faults.closes_idle)
    for number in range(1, 30):
        before = provider.count(TRANSACTION)
        seen = await client.send(outbound(provider.url, reuse=True))
        arrived = provider.count(TRANSACTION) - before
        assert arrived <= 1, number
        assert arrived == 1 or judged(seen, "status-code").evidence in "NU"


async def test_a_kept_connection_is_not_used_for_another_name(
    authority: Authority, client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two providers behind one address: each is asked for its own certificate."""
    monkeypatch.setattr(socket, "getaddrinfo", Names([["127.0.0.1"], ["127.0.0.1"]]))
    async with faults.serving(authority.serves("one.test")) as shared:
        shared.answers(reply(200, None, keep=True))
        one = await client.send(outbound(f"https://one.test:{shared.port}/", reuse=True))
        two = await client.send(outbound(f"https://two.test:{shared.port}/", reuse=True))
        assert (judged(one, "status-code").evidence, judged(two).rule) == ("S", "tls-failure")
        assert shared.count(TRANSACTION) == 1


async def test_attempts_leave_no_connection_open(
    provider: FaultProvider, client: ProviderClient
) -> None:
    await client.send(outbound(provider.url))
    before = len(os.listdir("/proc/self/fd"))
    provider.answers(
        faults.closes,
        faults.resets,
        raw(b"nonsense"),
        faults.floods(head(200), bytes(100_000), 10),
        reply(200),
    )
    for _ in range(20):
        await client.send(outbound(provider.url))
    await client.close()
    assert len(os.listdir("/proc/self/fd")) <= before + 2


# What goes out ---------------------------------------------------------------------------------


def settings(url: str, status_url: str | None = None) -> Provider:
    """A provider as the store loads it."""
    now = clock.now()
    return Provider(
        provider_id=UUID(int=1),
        namespace="1",
        name="Cinema",
        webhook_url=url,
        authorization="ApiKey  s3cret==, and more",
        dialect="json",
        confirmation="reply",
        idempotent=False,
        bare4xx="hold",
        status_url=status_url,
        timeout_seconds=20,
        max_in_flight=32,
        rate_per_second=None,
        reuse_connections=False,
        paused=False,
        version=1,
        created_at=now,
        updated_at=now,
        paused_because=None,
        breaker="closed",
        probe_at=None,
        secrets={"secretKey": (), "signingSecret": (SECRET, PREVIOUS), "callbackSecret": ()},
    )


async def test_the_headers_of_a_message(provider: FaultProvider, client: ProviderClient) -> None:
    await client.send(envelope.post(settings(provider.url), TRANSACTION, BODY))
    (received,) = provider.received
    assert (received.method, received.target, received.body) == ("POST", "/hook", BODY)
    sent = {name: received.header(name) for name, _ in received.headers}
    signed = {name: str(sent.pop(f"webhook-{name}")) for name in ("id", "timestamp", "signature")}
    assert sent == {
        "host": f"127.0.0.1:{provider.port}",
        "authorization": "ApiKey  s3cret==, and more",
        "idempotency-key": f'"{TRANSACTION}"',
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "user-agent": f"Guerdon/{__version__}",
        "accept-encoding": "identity",
        "accept": "*/*",
        "connection": "close",
    }
    assert signed["id"] == TRANSACTION
    assert len(signed["signature"].split(" ")) == 2
    headers = {f"webhook-{name}": value for name, value in signed.items()}
    for secret in (SECRET, PREVIOUS):
        assert signing.verify([secret], headers, BODY, clock.unix_seconds()) == TRANSACTION
    assert signing.verify([SECRET], headers, BODY + b" ", clock.unix_seconds()) is None


async def test_the_headers_of_an_enquiry(provider: FaultProvider, client: ProviderClient) -> None:
    known = settings(provider.url)
    where = provider.url.replace("/hook", "/state?of=ours")
    await client.send(envelope.enquiry(known, where, TRANSACTION))
    (received,) = provider.received
    assert (received.method, received.body) == ("GET", b"")
    assert received.target == f"/state?of=ours&transactionId={TRANSACTION}"
    assert received.header("authorization") == known.authorization
    assert received.header("content-type") is None
    assert received.header("idempotency-key") is None
    headers = dict(received.headers)
    assert signing.verify([SECRET], headers, b"", clock.unix_seconds()) == TRANSACTION


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("120", 120, 120),
        ("0", 0, 0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_401, 10**12),
    ],
)
async def test_retry_after_in_both_forms(
    provider: FaultProvider, client: ProviderClient, header: str, low: int, high: int
) -> None:
    provider.answers(reply(429, None, f"Retry-After: {header}"))
    seen = await client.send(outbound(provider.url))
    assert seen.retry_after is not None
    assert low <= seen.retry_after <= high
    assert (judged(seen).retry_after or 0) <= 86_400


@pytest.mark.parametrize(
    "header",
    ["", "soon", "-5", "1.5", "1e9", "9" * 400, "\u00b2", "Sun, 06 Nov 99999999999999 08:49:37 GMT"]
    + ["Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 -0000", "Sun, 99 Foo 1994 GMT"]
    + ["Sun, 06 Nov 1994 08:49:37 +999999999999", "Mon, 01 Jan 0001 00:00:00 +2359"],
)
async def test_a_retry_after_that_makes_no_sense_is_no_trouble(
    provider: FaultProvider, client: ProviderClient, header: str
) -> None:
    provider.answers(reply(429, None, f"Retry-After: {header}"))
    seen = await client.send(outbound(provider.url))
    assert seen.status == 429
    assert judged(seen).evidence == "N"


async def test_the_attempt_of_a_caller_that_went_is_ended(
    provider: FaultProvider, client: ProviderClient
) -> None:
    """Cancelling is the one thing that raises; the connection ends with it."""
    gone = asyncio.Event()

    async def behave(exchange: faults.Exchange) -> None:
        await exchange.reader.read()
        gone.set()

    provider.answers(behave)
    attempt = asyncio.create_task(client.send(outbound(provider.url)))
    await provider.until(1)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    async with asyncio.timeout(20):
        await gone.wait()


def test_the_client_checks_certificates_by_default() -> None:
    context = ProviderClient(())._tls
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
