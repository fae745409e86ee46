"""Which address is dialled under which name, and exactly what goes out."""

import asyncio
import socket
import ssl
from uuid import UUID

import pytest
from tests.faults import provider as faults
from tests.faults.attempts import BODY, TRANSACTION, judged, outbound
from tests.faults.authority import Authority
from tests.faults.provider import FaultProvider, reply

from guerdon import __version__, clock
from guerdon.providers import envelope, signing
from guerdon.providers.client import ProviderClient
from guerdon.providers.model import Provider

SECRET, PREVIOUS = "whsec_" + "QUFB" * 8, "whsec_" + "QkJC" * 8


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


async def test_an_address_that_swallows_connections_leaves_time_for_the_next(
    secure: FaultProvider, client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names([["127.0.0.9", "127.0.0.9", "127.0.0.1"]]))
    with socket.create_server(("127.0.0.9", secure.port), backlog=0) as listening:
        filling = [socket.socket() for _ in range(4)]
        for one in filling:
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        seen = await client.send(outbound(f"https://rewards.test:{secure.port}/", seconds=6))
        for one in filling:
            one.close()
    assert (seen.status, secure.count(TRANSACTION)) == (200, 1)


async def test_an_ipv6_address_is_dialled_and_named_in_brackets(client: ProviderClient) -> None:
    async with faults.serving(host="::1") as six:
        seen = await client.send(outbound(six.url))
        assert seen.status == 200
        (received,) = six.received
        assert received.header("host") == f"[::1]:{six.port}"


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


def settings(url: str, status_url: str | None = None) -> Provider:
    """A provider as the store loads it."""
    now = clock.now()
    return Provider(
        provider_id=UUID(int=1),
        namespace="1",
        test=False,
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
        not_found_streak=0,
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
