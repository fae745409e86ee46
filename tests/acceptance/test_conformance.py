"""``guerdon conformance``: it passes a receiver that does right, and fails broken ones for that."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.acceptance import broken, receivers
from tests.acceptance.receivers import AUTHORIZATION, CALLBACK, SECRET_KEY, SIGNING, Receiver
from tests.acceptance.terminal import KEY, Terminal
from tests.house.documents import page, section, table

from guerdon import strict_json
from guerdon.access import store as access
from guerdon.conformance import report
from guerdon.conformance.messages import Plan
from guerdon.conformance.report import Result
from guerdon.conformance.scenarios import SCENARIOS
from guerdon.db.pool import Database
from guerdon.providers import store as providers
from guerdon.providers.conformance import store as conformance
from guerdon.providers.conformance.model import Report
from guerdon.providers.model import Settings
from guerdon.sealing import Sealer

FORGED = {
    "no-signature",
    "wrong-signature",
    "changed-body",
    "stale-signature",
    "early-signature",
    "redated-signature",
    "borrowed-signature",
}
# What each broken receiver must fail, and nothing else; and what must be said of the first.
BROKEN: list[tuple[type[Receiver], set[str], str]] = [
    (
        broken.GivesAgain,
        {"same-id-twice", "same-id-at-once", "cut-connection"},
        "One ID was given two rewards",
    ),
    (broken.Races, {"same-id-at-once"}, "One ID was given two rewards"),
    (
        broken.ConflictsAgain,
        {"same-id-twice", "same-id-at-once", "cut-connection", "failure"},
        "409 often means: already done.",
    ),
    (broken.OneForAMember, {"two-ids"}, "Two IDs were given one reward"),
    (broken.BelievesAnybody, FORGED, "It was believed."),
    (broken.BelievesAtAnyTime, {"stale-signature", "early-signature"}, "It was believed."),
    (broken.BelievesTheFuture, {"early-signature"}, "It was believed."),
    (broken.SignsNoBody, {"changed-body"}, "It was believed."),
    (broken.SerialisesAnew, {"reordered-fields", "changed-body"}, "401: a refusal"),
    (broken.OneSignatureOnly, {"two-signatures"}, "401: a refusal"),
    (broken.AuthorizesAnybody, {"wrong-authorization"}, "It was believed."),
    (broken.RefusesStrangeFields, {"unknown-fields"}, "400: a refusal"),
    (broken.NeedsAnEmail, {"null-personal-data", "no-server-errors"}, "500: the reward may"),
    (broken.KnowsPricesOnly, {"currency", "no-server-errors"}, "500: the reward may"),
    (broken.KnowsLatinOnly, {"any-text", "no-server-errors"}, "500: the reward may"),
    (broken.FailsAfterGiving, {"answers", "no-server-errors"}, "500: the reward may"),
    (broken.FallsOverGarbage, {"not-json", "no-server-errors"}, "500: the reward may"),
    (broken.Talks, {"answers", "small-answers"}, "more than 64 KiB"),
    (broken.Dawdles, {"answers", "in-time"}, "No whole answer before the deadline"),
    (broken.Misspells, {"answers", "spelling"}, "none of the four: 'Success'"),
    (broken.NamesAnother, {"answers", "own-id"}, "names another transaction"),
    (broken.Redirects, {"answers", "no-redirects"}, "redirects are never followed"),
    (broken.Cuts, {"answers", "whole-answers"}, "cut, late or too large"),
    (broken.SaysNoBy400, {"failure"}, "returns tokens by machine"),
    (broken.DropsTheSecond, {"connection-reuse", "whole-answers"}, "The connection broke"),
    (broken.NeverCallsBack, {"later", "later-again"}, "No callback within"),
    (broken.CallsBackUnsigned, {"later"}, "not signed with the callback secret"),
    (broken.CallsBackOnce, {"later-again"}, "did not come again"),
    (broken.CallsBackUnderNewNames, {"later-again"}, "another webhook-id"),
]


@pytest.fixture
def callback_url() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def plan(receiver: Receiver, callback_url: str) -> Plan:
    receiver.callback_url = callback_url
    return Plan(
        receiver.url,
        signing_secret=SIGNING,
        authorization=AUTHORIZATION,
        callback_url=callback_url,
        callback_secret=CALLBACK,
        secret_key=SECRET_KEY,
        timeout_seconds=5,
        patience_seconds=20,
    )


async def played(chosen: Plan) -> dict[str, Result]:
    """How each scenario went; what is told on the way is what is answered."""
    told: list[Result] = []
    results = await report.play(chosen, told.append)
    assert told == results
    assert [one.name for one in results] == [scenario.name for scenario in SCENARIOS]
    return {one.name: one for one in results}


def names(results: dict[str, Result], kind: str) -> set[str]:
    return {name for name, one in results.items() if one.result == kind}


async def test_a_receiver_that_does_right_passes_everything(callback_url: str) -> None:
    async with Receiver().running() as receiver:
        results = await played(plan(receiver, callback_url))
        assert {one.name: one.detail for one in results.values() if one.result != "pass"} == {}
        assert max(receiver.given.values()) == 1
        json_results = await played(replace(plan(receiver, callback_url), dialect="json"))
        assert names(json_results, "pass") == set(results)


async def test_a_receiver_of_the_original_product_passes_what_it_can_be_asked(
    callback_url: str,
) -> None:
    async with receivers.Original().running() as receiver:
        chosen = replace(plan(receiver, callback_url), signing_secret=None)
        results = await played(chosen)
    assert names(results, "fail") == set()
    assert names(results, "left-out") == {"failure", *FORGED}


@pytest.mark.parametrize(
    ("kind", "fails", "says"), BROKEN, ids=[kind.__name__ for kind, _, _ in BROKEN]
)
async def test_a_broken_receiver_fails_for_what_is_broken(
    kind: type[Receiver], fails: set[str], says: str, callback_url: str
) -> None:
    async with kind().running() as receiver:
        chosen = plan(receiver, callback_url)
        if kind in (broken.Dawdles, broken.NeverCallsBack, broken.CallsBackOnce):
            chosen = replace(chosen, timeout_seconds=1, patience_seconds=1)
        results = await played(chosen)
    assert names(results, "fail") == fails
    first = next(one for one in results.values() if one.result == "fail")
    assert says in first.detail
    assert first.trace, "the wire trace shows it"
    if "answers" in fails:
        assert names(results, "left-out") == {
            one.name for one in SCENARIOS if not one.afterwards and one.name != "answers"
        }


async def test_realistic_messages_bear_no_mark(callback_url: str) -> None:
    async with Receiver().running() as receiver:
        results = await played(replace(plan(receiver, callback_url), realistic=True))
    assert names(results, "fail") == set()
    assert names(results, "left-out") == {"failure", "later", "later-again"}
    sent = [one["request"]["body"] for r in results.values() for one in r.trace]  # type: ignore[index]
    assert not [body for body in sent if "asks" in body or '"test"' in body]


# The command ------------------------------------------------------------------------------------


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """No database is needed."""
    return Terminal(tmp_path, "host=nowhere")


async def test_the_command_prints_passes_with_the_trace_and_exits_0(
    terminal: Terminal, callback_url: str
) -> None:
    async with Receiver().running() as receiver:
        receiver.callback_url = callback_url
        done = await terminal.type(
            "conformance",
            receiver.url,
            "--signing-secret",
            SIGNING,
            "--authorization",
            AUTHORIZATION,
            "--callback-url",
            callback_url,
            "--callback-secret",
            CALLBACK,
        )
    said = done.worked()
    assert said.count("\npass ") + said.startswith("pass ") == len(SCENARIOS)
    assert said.endswith(f"{len(SCENARIOS)} passed, 0 failed, 0 left out.\n")
    assert "S body-success" in said
    assert f"> POST {receiver.url}" in said
    assert "< 200 in " in said
    assert "< callback" in said
    assert AUTHORIZATION not in said


async def test_the_command_exits_1_and_shows_the_wire_where_something_fails(
    terminal: Terminal,
) -> None:
    async with broken.BelievesAnybody().running() as receiver:
        typed = ("conformance", receiver.url, "--signing-secret", SIGNING)
        typed += ("--authorization", AUTHORIZATION)
        done = await terminal.type(*typed)
        assert done.code == 1
        assert "fail     stale-signature" in done.out
        assert "It was believed. Answer 401, and give no reward." in done.out
        assert "> webhook-timestamp: " in done.out
        assert "> Authorization: (hidden)" in done.out
        assert "left-out later" in done.out
        assert "Give --callback-url" in done.out
        shown = await terminal.type(*typed, "--json")
    assert shown.code == 1
    document = json.loads(shown.out)
    assert (document["url"], document["passed"]) == (receiver.url, False)
    by_name = {one["name"]: one for one in document["scenarios"]}
    assert {name for name, one in by_name.items() if one["result"] == "fail"} == FORGED
    failed = by_name["no-signature"]
    assert failed["row"] == {
        "rule": "body-success",
        "verdict": "S",
        "meaning": "The answer says success.",
    }
    (exchange,) = failed["trace"]
    assert "webhook-signature" not in exchange["request"]["headers"]
    assert json.loads(exchange["request"]["body"])["event"] == "redeem.test"
    assert exchange["status"] == 200
    assert AUTHORIZATION not in shown.out


async def test_an_endpoint_that_is_not_there_fails_and_has_no_stack(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    done = await terminal.type("conformance", f"http://127.0.0.1:{port}/", "--json")
    assert done.code == 1
    assert "Traceback" not in done.err
    scenarios = json.loads(done.out)["scenarios"]
    assert [one["name"] for one in scenarios if one["result"] == "fail"] == ["answers"]
    assert scenarios[0]["row"]["rule"] == "no-connection"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["ftp://example.com/"], "https://"),
        (["https://x.example.com/", "--signing-secret", "whsec_%"], "--signing-secret is whsec_"),
        (["https://x.example.com/", "--callback-secret", "whsec_"], "--callback-secret is whsec_"),
        (["https://x.example.com/", "--callback-url", "http://here/"], "a host and a port"),
        (["https://x.example.com/", "--callback-url", "http://h:x/"], "a host and a port"),
        (["https://x.example.com/", "--authorization", "a\nb"], "one line"),
        (["https://x.example.com/", "--timeout-seconds", "0"], "1 to 60"),
    ],
)
async def test_what_cannot_be_is_refused(terminal: Terminal, typed: list[str], says: str) -> None:
    assert says in (await terminal.type("conformance", *typed)).refused()


async def test_a_port_that_is_taken_is_told(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        typed = ("http://127.0.0.1:9/", "--callback-url", f"http://127.0.0.1:{port}")
        done = await terminal.type("conformance", *typed)
    assert f"Nobody can listen at http://127.0.0.1:{port}" in done.refused()


# The page ---------------------------------------------------------------------------------------


def test_every_scenario_is_listed() -> None:
    told = table(section(page("docs/conformance.md"), "## The scenarios"))
    assert [(row[0].strip("`"), row[1]) for row in told] == [
        (scenario.name, scenario.title) for scenario in SCENARIOS
    ]
    assert all(row[2] for row in told)


async def test_rows_are_those_of_the_page_of_outcomes(callback_url: str) -> None:
    rules = {row[0].strip("`") for row in table(section(page("docs/outcomes.md"), "## Rules"))}
    async with Receiver().running() as receiver:
        results = await played(plan(receiver, callback_url))
    rows = {one.row.rule for one in results.values() if one.row is not None}
    assert {"body-success", "body-failure", "body-postponed", "code-401", "code-400"} <= rows
    assert rows <= rules


# A provider of a database -----------------------------------------------------------------------


async def test_a_provider_is_tried_with_its_own_settings_and_the_result_kept(
    tmp_path: Path, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(tmp_path, database_url)
    sealer = Sealer(KEY)
    async with Receiver().running() as receiver:
        settings = Settings(
            name="Rewards", webhook_url=receiver.url, authorization_header=AUTHORIZATION
        )
        async with database.tx() as tx:
            await access.ensure_namespace(tx, "1")
            made, secrets = await providers.create(tx, sealer, "1", settings)
        assert (
            "leave the flags"
            in (
                await terminal.type("conformance", "--provider", "Rewards", "--dialect", "json")
            ).refused()
        )
        assert "no provider" in (await terminal.type("conformance", "--provider", "X")).refused()
        monkeypatch.setattr(receivers, "SIGNING", secrets["signingSecret"])
        said = (await terminal.type("conformance", "--provider", "Rewards")).worked()
        assert ", 0 failed, " in said
        async with database.read() as tx:
            kept = await conformance.last(tx, made)
        assert kept is not None
        assert kept.counts
        assert kept.actor == "command"
        assert {one.name for one in kept.scenarios} == {one.name for one in SCENARIOS}
        # What the API takes is what --json prints.
        monkeypatch.setattr(receivers, "SIGNING", SIGNING)
        failed = await terminal.type("conformance", "--provider", str(made), "--json")
        assert failed.code == 1
        report_of_it = strict_json.fit(strict_json.parse(failed.out.encode()), Report)
        assert report_of_it.url == receiver.url
        async with database.read() as tx:
            kept = await conformance.last(tx, made)
        assert kept is not None
        assert not kept.passed
