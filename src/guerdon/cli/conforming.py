"""``guerdon conformance``."""

import asyncio
import base64
import binascii
import sys
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from guerdon.cli.database import DEFAULT_DATA, Data, Url, place
from guerdon.cli.proving import Run, Told, check, keeping_it, played
from guerdon.config import ConfigurationError
from guerdon.conformance.messages import Plan
from guerdon.conformance.report import Result

_console = Console(highlight=False, soft_wrap=True)
_COLOURS = {"pass": "green", "fail": "red", "left-out": "yellow"}


def conformance(
    url: Annotated[str | None, Parameter(help="The provider's webhook URL.")] = None,
    *,
    provider: Annotated[
        str | None,
        Parameter(help="A provider of a database instead, by ID or name: its result is kept."),
    ] = None,
    signing_secret: Annotated[
        str | None, Parameter(help="The signingSecret that your server checks with.")
    ] = None,
    authorization: Annotated[
        str | None, Parameter(help="The Authorization value that your server expects.")
    ] = None,
    dialect: Annotated[
        Literal["status-code", "json"] | None,
        Parameter(help="How answers without a status are read; status-code if not given."),
    ] = None,
    timeout_seconds: Annotated[
        int | None, Parameter(help="The provider's timeoutSeconds; 15 if not given.")
    ] = None,
    callback_url: Annotated[
        str | None,
        Parameter(help="Where your server calls back: this command listens at its port."),
    ] = None,
    callback_secret: Annotated[
        str | None, Parameter(help="The callbackSecret that your server signs with.")
    ] = None,
    secret_key: Annotated[
        str | None, Parameter(help="The secretKey, for callbacks of the original product.")
    ] = None,
    patience_seconds: Annotated[int, Parameter(help="How long a callback is waited for.")] = 60,
    realistic: Annotated[
        bool,
        Parameter(help="Messages like real redemptions: REWARDS MAY BE GIVEN.", negative=()),
    ] = False,
    json: Annotated[bool, Parameter(help="For programs.", negative=())] = False,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """Try a provider's endpoint with test messages. Exits 0 if nothing failed, 1 if something did.

    The messages are test messages, and may say what answer they ask for: docs/conformance.md.
    With --provider it is tried with the settings and secrets it has, and the console shows how it
    went.
    """
    own = (signing_secret, authorization, dialect, timeout_seconds, callback_secret, secret_key)
    if (url is None) == (provider is None):
        raise ConfigurationError("Name a URL, or a provider of a database with --provider.")
    if provider is not None and any(one is not None for one in own):
        raise ConfigurationError("--provider brings its own settings and secrets; leave the flags.")
    if realistic:
        Console(stderr=True).print("Your server cannot tell these messages from redemptions.")
    plan = Plan(
        url or "",
        dialect or "status-code",
        _secret("--signing-secret", signing_secret),
        authorization,
        callback_url,
        _secret("--callback-secret", callback_secret),
        secret_key,
        15 if timeout_seconds is None else timeout_seconds,
        patience_seconds,
        realistic,
    )
    _finish(_run(plan, provider, data, database_url, _silent if json else _tell), json=json)


def _run(plan: Plan, provider: str | None, data: Path, database_url: str | None, told: Told) -> Run:
    if provider is None:
        check(plan)
        return asyncio.run(played(plan, told))
    with place(data, database_url) as where:
        return asyncio.run(keeping_it(where, provider, plan, told))


def _finish(run: Run, *, json: bool) -> None:
    count = {kind: sum(one.result == kind for one in run.scenarios) for kind in _COLOURS}
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(run)).decode() + "\n")
    else:
        _console.print(
            f"\n{count['pass']} passed, {count['fail']} failed, {count['left-out']} left out."
        )
    sys.exit(0 if run.passed else 1)


def _secret(flag: str, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ConfigurationError(f"{flag} is whsec_ and base64, as the provider's page shows it.")
    return value


def _silent(_result: Result) -> None:
    """The whole document is printed at the end."""


def _tell(result: Result) -> None:
    colour = _COLOURS[result.result]
    row = "" if result.row is None else f"  [dim]{result.row.verdict} {escape(result.row.rule)}[/]"
    _console.print(f"[{colour}]{result.result:8}[/] {result.name:20} {escape(result.title)}{row}")
    if result.detail:
        _console.print(f"         {escape(result.detail)}")
    if result.result == "left-out":
        return
    for one in result.trace:
        for line in _lines(one, whole=result.result == "fail"):
            _console.print(f"[dim]         {escape(line)}[/]")


def _lines(one: dict[str, object], *, whole: bool) -> list[str]:
    """What went over the wire: two lines, or all of it where something failed."""
    if "callback" in one:
        return [f"< callback {msgspec.json.encode(one['callback']).decode()}"]
    request = msgspec.convert(one["request"], dict[str, object])
    sent = [f"> {request['method']} {request['url']}"]
    if whole:
        headers = msgspec.convert(request["headers"], dict[str, str])
        sent += [f"> {name}: {value}" for name, value in headers.items()]
        sent += [f"> {line}" for line in str(request["body"]).splitlines()]
    status = one["status"] if one["status"] is not None else one["trouble"]
    reply = " ".join(str(one["reply"]).split())
    shown = reply if whole else reply[:100]
    return [*sent, f"< {status} in {one['durationMs']} ms {shown}".rstrip()]
