"""The provider that is built in: every way of answering, over HTTP, with the loopback closed."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from tests.conftest import ALL_SCOPES, Api, make_key, served
from tests.faults.redeeming import GRANTED, Redeeming
from tests.integration.api_parts import pointers, refused

from guerdon import app, metrics
from guerdon.app import Running
from guerdon.db.migrate import SERVICE_ROLE
from guerdon.db.pool import Database
from guerdon.providers import sandbox
from guerdon.providers.client import Outbound, ProviderClient
from guerdon.sealing import Sealer

# Where each way leads under a provider's default settings, and the rule that says so.
LEADS = {
    "gives": ("success", "body-success"),
    "ok": ("success", "code-200"),
    "later": ("success", "code-201"),
    "later-refuses": ("failure", "accepted-202"),
    "original": ("success", "code-201"),
    "postpones": ("postponed", "code-201"),
    "refuses": ("failure", "body-failure"),
    "unsure": ("recoverable-failure", "body-recoverable-failure"),
    "misspells": ("recoverable-failure", "misspelt-status"),
    "slow": ("success", "body-success"),
    "silent": ("recoverable-failure", "timed-out"),
    "cuts": ("recoverable-failure", "cut"),
    "redirects": ("recoverable-failure", "redirect"),
    "bad-request": ("recoverable-failure", "code-400"),
    "conflict": ("recoverable-failure", "other-4xx"),
    "busy": ("pending", "code-429"),
    "broken": ("recoverable-failure", "code-5xx"),
    "busy-once": ("pending", "code-429"),
    "calls-first": ("success", "body-success"),
    "resets": ("recoverable-failure", "broken"),
    "malformed": ("success", "code-200"),
    "wrong-id": ("recoverable-failure", "other-transaction"),
    "unavailable": ("recoverable-failure", "code-5xx"),
    "gone": ("recoverable-failure", "code-410"),
}


@pytest.fixture
async def delivering(database_url: str, sealer: Sealer) -> AsyncIterator[Running]:
    """A process that delivers and answers nobody. No provider may be on a private address."""
    other = Database(database_url, role=SERVICE_ROLE)
    await other.open()
    async with app.running(other, sealer, ()) as running:
        yield running
    await other.close()


@pytest.fixture
async def trying(
    database: Database, sealer: Sealer, delivering: Running
) -> AsyncIterator[Redeeming]:
    """Member ``alice`` of a test programme; the process that answers does not deliver."""
    key = await make_key(database, "try", ALL_SCOPES, test=True)
    async with (
        app.running(database, sealer, (), delivers=False) as answering,
        served(answering, key) as api,
    ):
        yield await Redeeming.open(api, database)


async def offered(trying: Redeeming, way: str, **settings: object) -> str:
    """An option of a provider that is built in and answers so."""
    timeout = {"timeoutSeconds": 8 if way == "slow" else 2}
    body = {"name": way, "webhookUrl": f"sandbox:{way}", **timeout, **settings}
    made = await trying.said(trying.api.call("POST", "/v1/providers", body), 201)
    return await trying.option(made["id"], price=10)


async def test_every_way_leads_where_it_says(trying: Redeeming) -> None:
    assert LEADS.keys() == sandbox.BEHAVIOURS.keys()
    counted = metrics.exposition()
    made = {way: await trying.redeem(await offered(trying, way)) for way in LEADS}
    for way, (status, rule) in LEADS.items():
        seen = await trying.until(made[way], status)
        if status == "pending":
            seen = await trying.until(made[way], status, 1)
        assert seen["attempts"][0]["rule"] == rule, way
    advance = trying.api.call("POST", "/v1/sandbox/advance", {"seconds": 90})
    await trying.said(advance, 200)
    await trying.until(made["busy-once"], "success", 2)
    gone = await trying.said(trying.api.call("GET", "/v1/providers"), 200)
    paused = [one["name"] for one in gone["items"] if one["pausedBecause"]]
    assert paused == ["gone"]
    assert business(metrics.exposition()) == business(counted), "no figure counts a test programme"


def business(exposition: bytes) -> list[bytes]:
    """The figures that are about redemptions, not about the machine."""
    about = (b"guerdon_batch", b"guerdon_pool", b"#")
    return [line for line in exposition.splitlines() if not line.startswith(about)]


async def test_its_word_is_asked_for_about_an_unknown(trying: Redeeming) -> None:
    asked = await offered(trying, "silent", statusUrl="sandbox:gives")
    transaction_id = await trying.redeem(asked)
    seen = await trying.until(transaction_id, "recoverable-failure", 1)
    assert seen["openReason"] == "asking"
    await trying.said(trying.api.call("POST", "/v1/sandbox/advance", {"seconds": 61}), 200)
    seen = await trying.until(transaction_id, "success", 1)
    assert await trying.tokens() == (GRANTED - 10, GRANTED - 10)


async def test_a_test_message_is_answered_and_followed_by_nothing(trying: Redeeming) -> None:
    body = {"name": "L", "webhookUrl": "sandbox:later"}
    made = await trying.said(trying.api.call("POST", "/v1/providers", body), 201)
    tested = await trying.said(trying.api.call("POST", f"/v1/providers/{made['id']}/test"), 200)
    assert (tested["status"], tested["wouldBecome"]) == (201, "postponed")


async def test_a_live_programme_may_not_have_it(api: Api, trying: Redeeming) -> None:
    sandboxed = {"name": "P", "webhookUrl": "sandbox:gives", "statusUrl": "sandbox:gives"}
    answer = await api.call("POST", "/v1/providers", sandboxed)
    assert pointers(refused(answer, 422, "invalid-request")) == {"/webhookUrl", "/statusUrl"}
    plain = await api.call("POST", "/v1/providers", {"name": "P", "webhookUrl": "https://e.com/"})
    path = f"/v1/providers/{plain.body['id']}"
    changed = await api.call("PATCH", path, {"webhookUrl": "sandbox:gives"})
    assert pointers(refused(changed, 422, "invalid-request")) == {"/webhookUrl"}
    # And a test programme has nothing else on the loopback.
    for url in ("http://127.0.0.1:8080/", "https://127.0.0.1/", "https://localhost/", "sandbox:x"):
        body = {"name": "Q", "webhookUrl": url}
        answer = await trying.api.call("POST", "/v1/providers", body)
        if url == "https://localhost/":  # a name is vetted when it is looked up
            path = f"/v1/providers/{answer.body['id']}/test"
            tested = await trying.said(trying.api.call("POST", path), 200)
            assert (tested["rule"], tested["status"]) == ("blocked-address", None)
        else:
            refused(answer, 422, "invalid-request")


async def test_a_client_without_one_dials_nothing() -> None:
    client = ProviderClient(())
    for url in ("sandbox:gives", f"sandbox://{'0' * 8}/gives"):
        seen = await client.send(Outbound("POST", url, {}, b"{}", 2))
        assert (seen.trouble, seen.sent) == ("unusable-url", False)
    await client.close()


async def test_it_believes_only_what_we_signed(trying: Redeeming, delivering: Running) -> None:
    transaction_id = await trying.redeem(await offered(trying, "gives"))
    await trying.until(transaction_id, "success", 1)
    providers = await trying.said(trying.api.call("GET", "/v1/providers"), 200)
    assert delivering.parts.client.built_in is not None
    here = f"http://127.0.0.1:{await delivering.parts.client.built_in()}"
    async with aiohttp.ClientSession() as session:
        for path in (f"/{providers['items'][0]['id']}/gives", "/x/gives", "/"):
            async with session.post(here + path, json={"transactionId": transaction_id}) as said:
                assert said.status == 401
