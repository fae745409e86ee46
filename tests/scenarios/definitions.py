"""What a scenario's short words stand for in the API's bodies."""

from typing import Any

from tests.scenarios.script import Step


def provider_body(name: str, url: str, timeout: int, settings: dict[str, str]) -> dict[str, Any]:
    """``provider cinema dialect=json confirmation=callback idempotent=yes bare4xx=refund``."""
    body: dict[str, Any] = {"name": name, "webhookUrl": url, "timeoutSeconds": timeout}
    for field, value in settings.items():
        body[field] = value == "yes" if field == "idempotent" else value
    return body


def option_body(name: str, words: list[str], settings: dict[str, str]) -> dict[str, Any]:
    """``option coffee digital 30`` or ``option cash currency 100..1000 EUR 0.0125``."""
    kind, amount, *rates = words
    title = settings.get("title", name).replace("_", " ")
    body: dict[str, Any] = {"type": kind, "title": title}
    if kind == "currency":
        least, most = amount.split("..")
        body |= {"minTokens": int(least), "maxTokens": int(most)}
        pairs = zip(rates[::2], rates[1::2], strict=True)
        body["rates"] = [{"currency": currency, "rate": rate} for currency, rate in pairs]
    else:
        body["price"] = int(amount)
    return body | _settings(settings)


def option_change(step: Step) -> dict[str, Any]:
    """``change coffee price=40 enabled=no``."""
    body = _settings(step.settings)
    for field in ("price", "minTokens", "maxTokens"):
        if field in step.settings:
            body[field] = int(step.settings[field])
    if "enabled" in step.settings:
        body["enabled"] = step.settings["enabled"] == "yes"
    return body


def _settings(settings: dict[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    for field, value in settings.items():
        match field:
            case "total":
                limits["total"] = int(value)
            case "each":
                limits["perMember"] = int(value)
            case "period":  # 1/7: once in 7 days
                count, days = value.split("/")
                limits["perMemberPeriod"] = {"count": int(count), "days": int(days)}
            case "postponed-deadline":
                body["postponedDeadlineHours"] = int(value)
            case "confirmation-deadline":
                body["confirmationDeadlineHours"] = int(value)
            case "for":  # for=tier:gold
                attribute, wanted = value.split(":")
                body["audience"] = [[{"attribute": attribute, "op": "eq", "value": wanted}]]
            case "asks":
                body[f"collect{value.capitalize()}"] = True
    return body | ({"limits": limits} if limits else {})


def member_body(step: Step) -> dict[str, Any]:
    """``member alice frozen email=a@example.com tier=gold``."""
    profile = {name: step.settings[name] for name in ("email", "address") if name in step.settings}
    attributes = {k: v for k, v in step.settings.items() if k not in ("email", "address")}
    body: dict[str, Any] = {**profile}
    if attributes:
        body["attributes"] = attributes
    if step.words[1:] in (["frozen"], ["thawed"]):
        body["frozen"] = step.words[1] == "frozen"
    return body
