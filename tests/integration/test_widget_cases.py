"""A member says that a reward did not come, and reads what people did about it."""

from typing import Any

from tests.conftest import make_key
from tests.faults.redeeming import eventually
from tests.integration.test_widget_api import Site, site

from guerdon.db.pool import Database

__all__ = ["site"]


async def redeemed(site: Site) -> str:
    """A redemption of 30 tokens that succeeded."""
    body = {"optionName": await site.option()}
    made = await site.call("POST", "redemptions", body, key="k")
    assert made.status == 202, made.body
    identifier = str(made.body["id"])

    async def done() -> bool:
        return bool((await seen(site, identifier))["status"] == "success")

    await eventually(done)
    return identifier


async def seen(site: Site, identifier: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await site.call("GET", f"transactions/{identifier}")).body
    return shown


async def test_a_complaint_is_answered_and_tokens_are_given_back(
    site: Site, database: Database
) -> None:
    made = await redeemed(site)
    shown = await seen(site, made)
    assert (shown["case"], shown["correction"], shown["tokens"]) == (None, None, "spent")
    message = {"message": "No coffee"}
    opened = await site.call("POST", f"transactions/{made}/cases", message)
    assert (opened.status, opened.body["closedAt"]) == (201, None)
    again = await site.call("POST", f"transactions/{made}/cases", {"message": "Still none"})
    assert (again.status, again.body) == (200, opened.body)

    (queued,) = (await site.api.call("GET", "/v1/cases")).body["items"]
    assert (queued["transactionId"], queued["contradictedAt"]) == (made, None)
    path = f"/v1/transactions/{made}/resolve"
    choice = {"choice": "grant", "reason": "The machine was empty"}
    operate_only = site.api.with_key(await make_key(database, "1", ["operate"]))
    refused = await operate_only.call("POST", path, choice)
    assert (refused.status, refused.body["scope"]) == (403, "members")
    resolved = await site.api.call("POST", path, choice)
    assert (resolved.status, resolved.body["choice"]) == (200, "grant")
    assert (await site.api.call("GET", "/v1/cases")).body["items"] == []
    (closed,) = (await site.api.call("GET", "/v1/cases?closed=true")).body["items"]
    assert closed == resolved.body

    shown = await seen(site, made)
    assert (shown["status"], shown["correction"]["tokens"]) == ("success", 30)
    assert shown["case"]["closedAt"] == closed["closedAt"]
    me = (await site.call("GET", "me")).body
    assert (me["available"], me["tokensRedeemed"]) == (100, 30)
    wrong = await site.api.call("GET", "/v1/cases?closed=perhaps")
    assert wrong.status == 422


async def test_contradicting_news_is_not_the_members_to_see(site: Site) -> None:
    made = await redeemed(site)
    rotated = await site.api.call(
        "POST", f"/v1/providers/{site.provider_id}/secrets/secretKey/rotate", {}
    )
    option = (await seen(site, made))["optionName"]
    said = {"secretKey": rotated.body["secret"], "transactionId": made}
    told = await site.api.with_key("none").call(
        "POST", f"/fed/providers/{option}/events/redeem.static.failure", said
    )
    assert told.status == 409
    assert (await seen(site, made))["case"] is None
    one = await site.api.call("GET", f"/v1/transactions/{made}")
    assert one.body["case"]["contradictedAt"] is not None
    # The member complains of the same: then it is their case as well.
    opened = await site.call("POST", f"transactions/{made}/cases", {})
    assert opened.status == 201
