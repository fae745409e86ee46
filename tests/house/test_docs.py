"""The documents say what the code does: what they list is compared with it."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from cyclopts import App
from cyclopts.argument import Argument
from tests.house.documents import DOCS, PAGES, ROOT, blocks, page, section, table

from guerdon import __version__, metrics
from guerdon.api import doors
from guerdon.app import Running
from guerdon.cli.database import OLDEST_VERSION
from guerdon.cli.front import app
from guerdon.config import SETTINGS
from guerdon.db import embedded
from guerdon.delivery import health
from guerdon.demo.show import curls
from guerdon.options.definition import OPERATORS
from guerdon.outbox import schedule
from guerdon.providers import outcomes, sandbox, wire
from guerdon.providers.model import Settings
from guerdon.redemption import lane
from guerdon.transactions.events import TITLES
from guerdon.web import connection, door
from guerdon.web.parts import Parts
from guerdon.web.problems import STATUS_BY_CODE
from guerdon.widget import handlers

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
SHARED_FLAGS = {"--data", "--database-url"}


# What is named is there -------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text("utf-8")):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(LINK.findall(page("README.md")))
    assert {f"docs/{path.name}" for path in DOCS.glob("*.md")} <= linked


def test_the_readme_shows_the_curls_that_the_demo_prints() -> None:
    shown = "\n".join(curls("http://127.0.0.1:8080", Path("demo-data"))) + "\n"
    assert shown in blocks(section(page("README.md"), "## A redemption in four curls"), "sh")


def test_make_knows_what_the_documents_make() -> None:
    targets = set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))
    for path in PAGES:
        named = re.findall(
            r"`make ([a-z]+)`|^make ([a-z]+)$", path.read_text("utf-8"), re.MULTILINE
        )
        assert {one or other for one, other in named} <= targets


def test_the_oldest_postgresql_is_the_one_that_is_named() -> None:
    for name in ("README.md", "docs/install.md", "CHANGELOG.md"):
        assert re.findall(r"[Vv]ersion (\d\d)", page(name)) == [str(OLDEST_VERSION)]


# api.md -----------------------------------------------------------------------------------------


def test_every_error_is_explained() -> None:
    told = table(section(page("docs/api.md"), "## Errors"))
    assert [(row[0].strip("`"), int(row[1])) for row in told] == list(STATUS_BY_CODE.items())
    assert all(row[2] for row in told)


def test_every_route_is_listed() -> None:
    fields = len(Parts.__dataclass_fields__) - 1
    routes = doors.table(Parts(*(cast("Any", None) for _ in range(fields)), ""))
    told = table(section(page("docs/api.md"), "## The routes"))
    assert {(row[0], row[1]) for row in told} == {
        (f"{route.method} ●" if route.keyed else route.method, f"`{route.path}`")
        for route in routes
    }
    scopes = {(row[0].split()[0], row[1].strip("`")): row[2] for row in told}
    for route in routes:
        asked = " or ".join(f"`{scope}`" for scope in route.scopes)
        said = scopes[route.method, route.path]
        assert said == asked if asked else said in PUBLIC, f"{route.method} {route.path}"


PUBLIC = {"none", "signed", "secret in the body", "`GUERDON_METRICS_TOKEN`"}


def test_every_route_of_the_widget_is_listed() -> None:
    nothing = cast("Any", None)
    routes = handlers.Handlers(nothing, nothing, nothing).routes()
    told = table(section(page("docs/widget.md"), "## Routes"))
    assert {(row[0], row[1], row[2]) for row in told} == {
        (f"{route.method} ●" if route.keyed else route.method, f"`{route.path}`", route.summary)
        for route in routes
    }


def test_every_operator_of_an_audience_is_named() -> None:
    row = next(r for r in table(page("docs/api.md")) if r[0] == "`audience`")
    assert set(OPERATORS) <= set(CODE.findall(row[1]))


def test_every_type_of_event_is_listed() -> None:
    told = table(section(page("docs/concepts.md"), "## Events"))
    assert {kind.strip("`"): title for kind, title in told} == {
        str(k): v for k, v in TITLES.items()
    }


# providers.md -----------------------------------------------------------------------------------


def test_messages_are_those_that_are_sent() -> None:
    static, conversion = blocks(section(page("docs/providers.md"), "## The message"), "json")
    same: dict[str, Any] = {
        "option_name": "5c787af5-d28e-4567-809c-b030877d9355",
        "namespace": "1",
        "transaction_id": "eefa3829-2d0c-8785-ab52-5e10e7eb404e",
        "user_id": "User 123",
        "product_name": "Free Tickets",
    }
    sent = wire.message_body(**same, price=200, address="address_123", email="someone@example.com")
    assert static.encode() == sent + b"\n"
    money: dict[str, Any] = {"currency": "EUR", "currency_amount": 500, "conversion_rate": "0.0125"}
    sent = wire.message_body(**same, price=400, address=None, email=None, **money)
    assert conversion.encode() == sent + b"\n"


def spelt(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"


def test_schedules_are_those_of_the_code() -> None:
    text = " ".join(page("docs/providers.md").split())
    for waits in (outcomes.SCHEDULE_AFTER_N, outcomes.SCHEDULE_AFTER_U):
        assert f"after {', '.join(spelt(wait) for wait in waits)};" in text
    assert schedule.AFTER_UNKNOWN_ASK == (60, 600, 3600, 86_400)
    assert "1 minute after, then 10 minutes, 1 hour and 1 day after" in text
    assert f"at least {health.FEWEST_ATTEMPTS} attempts" in text
    assert f"{health.BAD_SHARE:.0%}".replace("%", " %") in text


def test_every_setting_of_a_provider_is_listed() -> None:
    told = {
        row[0].strip("`"): row[1]
        for row in table(section(page("docs/providers.md"), "## The settings"))
    }
    actual = {}
    for field in msgspec.structs.fields(Settings):
        if field.default is msgspec.UNSET:
            actual[field.encode_name] = "none"
        elif field.required:
            actual[field.encode_name] = "required"
        else:
            actual[field.encode_name] = f"`{json.dumps(field.default)}`"
    assert told == actual


# sandbox.md -------------------------------------------------------------------------------------


def test_every_way_of_the_provider_that_is_built_in_is_told() -> None:
    told = table(section(page("docs/sandbox.md"), "## The provider that is built in"))
    assert {row[0].strip("`").removeprefix(sandbox.SCHEME): row[1] for row in told} == (
        sandbox.BEHAVIOURS
    )


# configuration.md -------------------------------------------------------------------------------


def test_every_variable_is_listed() -> None:
    text = page("docs/configuration.md")
    told = [(row[0].strip("`"), row[1]) for row in table(section(text, "## Environment"))]
    assert told == [(setting.variable, setting.about) for setting in SETTINGS.values()]


def commands(at: App, words: tuple[str, ...] = ("guerdon",)) -> Iterator[tuple[str, App]]:
    if at.default_command is not None:
        yield " ".join(words), at
    for name in at:
        if not name.startswith("-"):
            yield from commands(at[name], (*words, name))


def default(argument: Argument) -> str:
    value = argument.field_info.default
    if value is argument.field_info.empty:
        return "required"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{value}`" if value else ""


def test_every_command_and_flag_is_listed() -> None:
    text = section(page("docs/configuration.md"), "## Commands")
    listed = re.findall(r"^### `(.+)`$", text, re.MULTILINE)
    actual = dict(commands(app))
    assert listed == list(actual)
    for name, command in actual.items():
        said = section(text, f"### `{name}`")
        arguments = list(command.assemble_argument_collection())
        shared = {a.names[0] for a in arguments} & SHARED_FLAGS if name != "guerdon demo" else set()
        assert ("as above" in said) == bool(shared)
        assert [(row[0], row[1]) for row in table(said)] == [
            (", ".join(f"`{flag}`" for flag in argument.names), default(argument))
            for argument in arguments
            if argument.names[0] not in shared
        ]


def test_the_embedded_servers_settings_are_listed() -> None:
    told = table(section(page("docs/configuration.md"), "## The embedded PostgreSQL"))
    values = {row[0].strip("`"): row[1].strip("`").strip() for row in told}
    actual = {name: value.strip() for name, value in embedded._SETTINGS.items()}
    assert values == actual | {"listen_addresses": "empty: no TCP"}


def test_limits_are_those_of_the_code() -> None:
    told = dict(table(section(page("docs/configuration.md"), "## Limits")))
    assert told["works in one commit"] == str(lane.LARGEST_BATCH)
    assert told["wait for a commit before new requests get 429"] == (
        f"{lane.WAIT_BUDGET_SECONDS:.0f} seconds"
    )
    assert told["head of a request"] == f"{connection.LARGEST_HEAD // 1024} KiB"
    assert told["time for a head to come in; for a body"] == (
        f"{connection.HEAD_SECONDS:.0f} seconds; {connection.BODY_SECONDS:.0f} seconds"
    )
    assert told["time that a client may leave an answer unread"] == (
        f"{connection.UNREAD_SECONDS:.0f} seconds"
    )
    assert told["failures to authenticate, from one address"] == f"{door.Throttle()._most} a minute"


# operations.md ----------------------------------------------------------------------------------


async def test_every_metric_is_listed_and_has_values(guerdon: Running) -> None:
    told = table(section(page("docs/operations.md"), "## Metrics"))
    actual = {}
    for family in metrics.REGISTRY.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        collector = cast("Any", metrics.REGISTRY._names_to_collectors[family.name])
        actual[name] = ", ".join(f"`{label}`" for label in collector._labelnames)
    assert {row[0].strip("`"): row[1] for row in told} == actual
    assert b'guerdon_pool{state="open"}' in metrics.exposition()


def test_every_event_of_the_log_is_explained() -> None:
    told = table(section(page("docs/operations.md"), "## Logs").partition("### Alarms")[0])
    explained = {event for row in told for event in CODE.findall(row[0])}
    sources = [path.read_text("utf-8") for path in (ROOT / "src/guerdon").rglob("*.py")]
    said = re.compile(r"_log\.(?:info|warning|error|exception)\(\s*\"([^\"]+)\"")
    assert {event for source in sources for event in said.findall(source)} <= explained


def test_every_alarm_is_explained() -> None:
    told = table(section(page("docs/operations.md"), "### Alarms"))
    explained = {rule for row in told for rule in CODE.findall(row[0])}
    troubles = [outcomes._TROUBLES[name] for name in outcomes._TROUBLES]
    seen = [
        outcomes.classify(outcomes.Observation(status=status, body=body), dialect, "t")
        for status in range(100, 600)
        for body in (b"", b'{"status":"Failed"}', b'{"status":"success","transactionId":"other"}')
        for dialect in ("status-code", "json")
    ]
    assert explained == {judged.rule for judged in (*troubles, *seen) if judged.alarm}


def test_the_figures_are_those_that_the_bench_prints() -> None:
    source = page("src/guerdon/bench/compare.py")
    rows = re.findall(r'_row\(table, f?"([^"]+)"', source)
    connections = {"{plan.connections}": "64", "{plan.connections * 4}": "256"}
    printed = [re.sub(r"{.+}", lambda found: connections[found[0]], row) for row in rows]
    sizing = section(page("docs/operations.md"), "## Sizing")
    assert [row[0] for row in table(sizing)] == printed


# decisions --------------------------------------------------------------------------------------


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(page("pyproject.toml"))
    named = re.compile(r"[A-Za-z0-9-]+")
    run = [named.match(one) for one in project["project"]["dependencies"]]
    dev = [named.match(one) for one in project["dependency-groups"]["dev"]]
    told = table(page("docs/decisions/0001-dependencies.md"))
    assert [row[0].strip("`") for row in told] == [found[0] for found in (*run, *dev) if found]
    assert all(row[1] for row in told)


def test_requirements_are_pinned_hashed_and_name_no_index() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-uv.txt"):
        lines = [line for line in page(name).splitlines() if not line.lstrip().startswith("#")]
        pins = [n for n, line in enumerate(lines) if not line.startswith(" ")]
        assert pins
        for number in pins:
            assert re.match(r"[a-z0-9._-]+==[^ ]+ ", lines[number]), lines[number]
            assert "--hash=sha256:" in lines[number + 1]
        assert "index-url" not in page(name)
    assert not (ROOT / "uv.lock").exists()


@pytest.mark.parametrize("path", sorted((DOCS / "decisions").glob("0*.md")), ids=lambda p: p.stem)
def test_every_decision_names_what_enforces_it(path: Path) -> None:
    text = path.read_text("utf-8")
    enforced = text.partition("**Enforced by**")[2]
    named = [name for name in CODE.findall(enforced) if re.fullmatch(r"[\w./-]+", name)]
    files = [name for name in named if (ROOT / name).is_file()]
    assert files, "names a file that holds the check"
    assert all((ROOT / name).exists() for name in named if name.endswith((".py", ".sql", ".toml")))
    assert f"({path.name})" in page("docs/decisions/README.md")


def test_the_clients_licence_is_ours() -> None:
    """A wheel holds what lies beside its pyproject, so there is a copy."""
    assert page("clients/python/LICENSE") == page("LICENSE")


def test_the_changelog_knows_this_version() -> None:
    assert f"\n## {__version__}\n" in page("CHANGELOG.md")
