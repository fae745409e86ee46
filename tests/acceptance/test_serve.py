"""``guerdon serve`` from its first start to its end, however it ends; and the demo, typed along."""

import asyncio
import csv
import io
import json
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from tests.acceptance.provider import GIVES, REFUSES, Asked, Provider, Reply
from tests.acceptance.site import Process, Site, until


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Site]:
    """A data directory that is not there yet, with its own key file; and whatever runs on it."""
    opened = Site(tmp_path)
    del opened.environment["GUERDON_SECRET_KEY"]
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """Gives every other reward, by the transaction's last digit."""

    def behaviour(asked: Asked, _before: int) -> Reply:
        return GIVES if int(asked.transaction_id[-2], 16) % 2 else REFUSES

    made = Provider(behaviour)
    made.start()
    yield made
    await made.close()


async def _signalled(process: Process, number: signal.Signals) -> int:
    process._popen.send_signal(number)
    await until(lambda: not process.alive, "the end of the process")
    return process._popen.returncode


async def _furnished(house: Site, provider: Provider) -> tuple[Process, str]:
    """A serve at work with a member, a provider and an option: the process and the option."""
    await house.make_key()
    process = await house.serve()
    provider_id = (await house.make_provider(provider))["id"]
    option = await house.make_option(provider_id)
    await house.make_member("ada")
    return process, option


async def _settled(house: Site, identifier: str) -> str:
    """The status of a transaction once it is closed."""
    found: dict[str, str] = {}

    async def closed() -> bool:
        answer = await house.api().call("GET", f"/v1/transactions/{identifier}")
        found["status"] = answer.body["status"]
        return answer.body["closedAt"] is not None

    await until(closed, f"the end of {identifier}")
    return found["status"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_from_nothing_to_ready_and_to_an_orderly_end(
    house: Site, number: signal.Signals
) -> None:
    process = await house.serve()
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert (await house.api().call("GET", path)).status == 200
    assert (house.data / "secret.key").stat().st_mode & 0o777 == 0o600
    assert house.postgres_pid() is not None
    assert await _signalled(process, number) == 0
    assert house.postgres_pid() is None, "the server ends with its owner, before it"
    assert "Traceback" not in process.said()


async def test_an_orderly_end_waits_for_what_is_on_the_wire(
    house: Site, provider: Provider
) -> None:
    process, option = await _furnished(house, provider)
    provider.behaviour = lambda _asked, _before: GIVES
    provider.answering.clear()
    identifier = await house.redeem("ada", option, "k1")
    await until(lambda: provider.asked, "the message at the provider")
    ending = asyncio.create_task(_signalled(process, signal.SIGTERM))
    await until(lambda: _refuses(house.port), "the end of listening")
    assert process.alive
    provider.answering.set()
    assert await ending == 0
    assert "Traceback" not in process.said()
    await house.serve()
    assert await _settled(house, identifier) == "success"
    assert len(provider.asked) == 1
    await house.verify()


def _refuses(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) != 0


async def test_a_second_signal_ends_at_once(house: Site, provider: Provider) -> None:
    process, option = await _furnished(house, provider)
    provider.answering.clear()
    await house.redeem("ada", option, "k1")
    await until(lambda: provider.asked, "the message at the provider")
    process._popen.send_signal(signal.SIGINT)
    await until(lambda: _refuses(house.port), "the end of listening")
    assert await _signalled(process, signal.SIGINT) == 130
    await until(lambda: house.postgres_pid() is None, "the end of PostgreSQL")
    assert "Traceback" not in process.said()


async def test_after_kill_9_it_starts_again_and_nothing_is_lost(
    house: Site, provider: Provider
) -> None:
    process, option = await _furnished(house, provider)
    closed = [await house.redeem("ada", option, f"k{n}") for n in range(5)]
    statuses = [await _settled(house, identifier) for identifier in closed]
    process.kill()
    await until(lambda: house.postgres_pid() is None, "the end of PostgreSQL")
    await house.serve()
    assert [await _settled(house, identifier) for identifier in closed] == statuses
    assert await house.redeem("ada", option, "k0") == closed[0], "the same key, the same answer"
    await house.verify()


async def test_a_second_serve_joins_and_takes_over(house: Site, provider: Provider) -> None:
    first, _ = await _furnished(house, provider)
    postmaster = house.postgres_pid()
    first_port, house.port = house.port, 0
    for session in house._sessions:
        await session.close()
    house._sessions.clear()
    second = await house.serve()
    assert house.port != first_port
    assert house.postgres_pid() == postmaster, "it joined"
    assert (await house.api().call("GET", "/v1/members/ada")).body["available"] == 1_000_000
    assert await first.stop() == 0
    await until(lambda: house.postgres_pid() not in (None, postmaster), "another PostgreSQL")
    await until(house.is_ready, "readiness")
    await house.make_member("bob")
    assert "the process that ran postgresql ended" in second.said()
    assert "had died" not in second.said()
    assert await second.stop() == 0
    assert house.postgres_pid() is None


async def test_a_server_that_died_is_started_again_under_it(
    house: Site, provider: Provider
) -> None:
    process, _ = await _furnished(house, provider)
    before = house.postgres_pid()
    house.kill_postgres(children=True)
    await until(lambda: house.postgres_pid() not in (None, before), "another PostgreSQL")
    await until(house.is_ready, "readiness")
    assert "had died and was started again" in process.said()
    await house.make_member("bob")


async def test_one_address_serves_and_another_is_for_prometheus(house: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await house.serve("--metrics-listen", f"127.0.0.1:{port}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"guerdon_" in await reader.read()
    writer.close()
    await writer.wait_closed()
    assert (await house.api().call("GET", "/metrics")).status == 401
    assert await process.stop() == 0


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
async def test_an_address_of_ipv6_is_printed_as_a_url(house: Site) -> None:
    process = house.start("serve", "--host", "::1", "--port", "0")
    await until(lambda: "Guerdon answers on" in process.said(), "the address")
    assert re.search(r"http://\[::1\]:\d+/\n", process.said())
    assert await process.stop() == 0


# Commands beside it -----------------------------------------------------------------------------


async def test_the_command_exports_what_the_api_does(house: Site, provider: Provider) -> None:
    _, option = await _furnished(house, provider)
    await house.make_member("=cmd", 100)
    made = [await house.redeem("ada", option, f"k{n}") for n in range(6)]
    made.append(await house.redeem("=cmd", option, "k"))
    for identifier in made:
        await _settled(house, identifier)
    for flags, query in (
        ([], ""),
        (["--status", "success"], "?status=success"),
        (["--status", "success", "--status", "failure"], "?status=success&status=failure"),
        (["--user-id", "=cmd"], "?userId=%3Dcmd"),
        (["--option", option, "--created-from", "2020-01-01T00:00:00Z"], f"?option={option}"),
        (["--created-to", "2020-01-01T00:00:00Z"], "?createdTo=2020-01-01T00:00:00Z"),
        (["--q", made[0][:13]], f"?q={made[0][:13]}"),
    ):
        said = await house.run("transactions", "export", "--namespace", "1", *flags)
        answer = await house.api().call("GET", f"/v1/transactions.csv{query}")
        assert list(csv.reader(io.StringIO(said))) == list(
            csv.reader(io.StringIO(answer.body.decode()))
        )
        assert said.startswith("id,option,title,type,status,userId,price,")
    everything = await house.run("transactions", "export", "--namespace", "1")
    assert len(everything.splitlines()) == 1 + len(made)
    assert "'=cmd" in everything, "no spreadsheet runs it"


async def test_the_master_key_is_rotated_while_it_rests(house: Site, provider: Provider) -> None:
    process, option = await _furnished(house, provider)
    identifier = await house.redeem("ada", option, "k1")
    status = await _settled(house, identifier)
    before = await house.api().call("GET", f"/v1/transactions/{identifier}")
    rotate = ["keys", "rotate-master", "--data", str(house.data)]
    with pytest.raises(AssertionError, match="Guerdon is running on"):
        await house.run(*rotate[:2])
    assert await process.stop() == 0
    old = (house.data / "secret.key").read_text().split()
    await house.run(*rotate[:2])
    new = (house.data / "secret.key").read_text().split()
    assert new[1:] == old
    assert len(set(new)) == 2
    assert (house.data / "secret.key").stat().st_mode & 0o777 == 0o600
    await house.serve()
    sealed = house.query(
        "SELECT substr(sealed, 1, 8) AS by FROM provider_secret UNION "
        "SELECT substr(content, 1, 8) FROM transaction_personal WHERE part > 0"
    )
    assert len(sealed) == 1, "all under one key, the new one"
    after = await house.api().call("GET", f"/v1/transactions/{identifier}")
    assert after.body == before.body
    assert after.body["attempts"][0]["reply"] is not None
    assert await _settled(house, await house.redeem("ada", option, "k2")) in ("success", "failure")
    assert status in ("success", "failure")


# The demo ---------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl to type")
async def test_the_demos_curls_typed_as_printed_end_in_a_settled_transaction(house: Site) -> None:
    ports = []
    with ExitStack() as opened:
        for _ in range(3):
            listening = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
            ports.append(str(listening.getsockname()[1]))
    flags = ("--port", "--provider-port", "--shop-port")
    pairs = [part for pair in zip(flags, ports, strict=True) for part in pair]
    process = house.start("demo", *pairs)
    await until(lambda: "Ctrl-C ends everything" in process.said(), "the demo")
    printed = process.said().split("in another terminal:")[1].split("Ctrl-C")[0]
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    assert sum("curl " in line for line in lines) == 4
    # Typed one by one; the last until the provider has answered, as a person would.
    told: dict[str, object] = {}

    async def settled() -> bool:
        told.update(json.loads((await _typed([*typed, lines[-1]])).splitlines()[-1]))
        return told["closedAt"] is not None

    said = await _typed([*lines[:-1], "echo", 'echo "ID=$ID KEY=$KEY"'])
    typed = said.splitlines()[-1].split()
    await until(settled, "the end of the transaction")
    assert told["status"] == "success"
    events = told["events"]
    assert isinstance(events, list)
    assert [event["title"] for event in events] == [
        "User initially triggered redeem option",
        "Token withdrawal result",
        "Message posted",
        "Confirmation received",
    ]
    await until(partial(_contradicted, ports[0], typed[-1].removeprefix("KEY=")), "two cases")
    assert await _signalled(process, signal.SIGINT) == 0
    assert house.postgres_pid() is None
    assert "Traceback" not in process.said()


async def _contradicted(port: str, key: str) -> bool:
    """Whether the demo's provider has contradicted both decisions that were made too early."""
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        async with session.get("/v1/cases") as answer:
            cases = (await answer.json())["items"]
        stand = set()
        for case in cases:
            async with session.get(f"/v1/transactions/{case['transactionId']}") as answer:
                stand.add((await answer.json())["status"])
    return stand == {"success", "failure"}


async def _typed(lines: list[str]) -> str:
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-ec", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
