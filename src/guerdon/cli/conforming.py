"""``guerdon conformance``."""

import asyncio
import base64
import binascii
import sys
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from guerdon.config import ConfigurationError
from guerdon.conformance import report
from guerdon.conformance.messages import Plan
from guerdon.conformance.report import Result
from guerdon.conformance.sender import ANYWHERE
from guerdon.providers import egress

_console = Console(highlight=False, soft_wrap=True)
_COLOURS = {"pass": "green", "fail": "red", "left-out": "yellow"}


def conformance(
    url: Annotated[str, Parameter(help="The provider's webhook URL.")],
    *,
    signing_secret: Annotated[
        str | None, Parameter(help="The signingSecret that your server checks with.")
    ] = None,
    authorization: Annotated[
        str | None, Parameter(help="The Authorization value that your server expects.")
    ] = None,
    dialect: Annotated[
        Literal["status-code", "json"], Parameter(help="How answers without a status are read.")
    ] = "status-code",
    timeout_seconds: Annotated[int, Parameter(help="The provider's timeoutSeconds.")] = 15,
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
) -> None:
    """Try a provider's endpoint with test messages. Exits 0 if nothing failed, 1 if something did.

    The messages are test messages, and may say what answer they ask for: docs/conformance.md.
    """
    plan = Plan(
        url,
        dialect,
        _secret("--signing-secret", signing_secret),
        authorization,
        callback_url,
        _secret("--callback-secret", callback_secret),
        secret_key,
        timeout_seconds,
        patience_seconds,
        realistic,
    )
    _check(plan)
    if realistic:
        Console(stderr=True).print("Your server cannot tell these messages from redemptions.")
    try:
        results = asyncio.run(report.play(plan, _silent if json else _tell))
    except OSError as trouble:
        raise ConfigurationError(
            f"Nobody can listen at {callback_url}: {trouble.strerror or trouble}."
        ) from trouble
    count = {kind: sum(one.result == kind for one in results) for kind in _COLOURS}
    if json:
        document = {"url": url, "passed": not count["fail"], "scenarios": results}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document)).decode() + "\n")
    else:
        _console.print(
            f"\n{count['pass']} passed, {count['fail']} failed, {count['left-out']} left out."
        )
    sys.exit(1 if count["fail"] else 0)


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


def _check(plan: Plan) -> None:
    try:
        egress.target(plan.url, ANYWHERE)
    except egress.Blocked as blocked:
        raise ConfigurationError(str(blocked)) from blocked
    if plan.callback_url is not None:
        try:
            parts = urlsplit(plan.callback_url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname and parts.port)
        except ValueError:
            known = False
        if not known:
            raise ConfigurationError(
                "--callback-url names a host and a port, such as http://localhost:9000/callbacks."
            )
    if plan.authorization is not None and not (
        plan.authorization.isascii() and plan.authorization.isprintable()
    ):
        raise ConfigurationError("--authorization is one line of printable ASCII.")
    if not 1 <= plan.timeout_seconds <= 60:
        raise ConfigurationError("--timeout-seconds is 1 to 60.")


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
