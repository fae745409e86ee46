"""One deadline around everything, answers without measure, connections that are kept or not."""

import asyncio
import gzip
import os
import resource

import pytest
from tests.faults import provider as faults
from tests.faults.attempts import TRANSACTION, judged, outbound
from tests.faults.provider import Behaviour, FaultProvider, head, raw, reply

from guerdon.providers.client import LARGEST_ANSWER, ProviderClient


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
    ],
    ids=["200 MB", "200 MB until it closes", "gzip bomb"],
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


async def test_memory_does_not_grow_with_the_number_of_interim_answers(
    provider: FaultProvider, client: ProviderClient
) -> None:
    provider.answers(
        faults.floods(b"", head(100) * 200, 100), faults.floods(b"", head(100) * 200, 800)
    )
    await client.send(outbound(provider.url))
    before = resident()
    assert judged(await client.send(outbound(provider.url))).evidence == "U"
    assert resident() - before < 5_000_000


async def test_the_largest_answer_is_still_read(
    provider: FaultProvider, client: ProviderClient
) -> None:
    answer = b'{"status": "failure"}'.ljust(LARGEST_ANSWER)
    provider.answers(reply(200, answer), reply(200, answer + b" "))
    assert judged(await client.send(outbound(provider.url))).evidence == "F"
    assert judged(await client.send(outbound(provider.url))).rule == "cut"


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
