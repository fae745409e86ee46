"""What a running Guerdon writes down: lines that nobody can forge, and nothing that is secret."""

import json

from tests.acceptance.provider import Provider, Reply
from tests.acceptance.site import Site, until

_FORGED = '%0A{"event":"forged"}%0D%1B[31m'


async def test_logs_and_exports_hold_no_secrets_and_cannot_be_forged(site: Site) -> None:
    voucher = {"status": "success", "message": "canary-voucher", "reference": "R-1"}
    provider = Provider(lambda _asked, _before: Reply(True, voucher))
    provider.start()
    await site.make_key()
    serving = await site.serve()
    made = await site.make_provider(provider, authorizationHeader="Bearer canary-authorization")
    secrets = [made[kind] for kind in ("secretKey", "signingSecret", "callbackSecret")]
    option = await site.make_option(made["id"])
    await site.make_member("ann")
    personal = {"email": "canary-email@example.com", "address": "canary-address"}
    transaction_id = await site.redeem("ann", option, "canary-idempotency", **personal)
    await until(lambda: site.statuses() == {transaction_id: "success"}, "success")

    api = site.api()
    await api.call("POST", f"/v1/providers/{made['id']}/test", {})
    await api.with_key("gk_canary-key").call("GET", "/v1/options?q=canary-query")
    news = {"secretKey": "canary-guess", "transactionId": transaction_id}
    for name in (option, _FORGED):
        path = f"/fed/providers/{name}/events/redeem.static.failure"
        assert (await api.call("POST", path, news)).status == 401
    news["secretKey"] = made["secretKey"]
    path = f"/fed/providers/{option}/events/redeem.static.failure"
    assert (await api.call("POST", path, news)).status == 409
    headers = {"webhook-id": _FORGED, "webhook-timestamp": "1", "webhook-signature": "canary"}
    path = f"/v1/providers/{made['id']}/callbacks"
    assert (await api.call("POST", path, {}, headers=headers)).status == 401

    exported = (await api.call("GET", "/v1/transactions.csv")).body.decode()
    assert transaction_id in exported
    listed = json.dumps((await api.call("GET", "/v1/transactions")).body)
    body = (await api.call("GET", f"/v1/transactions/{transaction_id}/attempts/1/body")).body
    await serving.stop()
    said = serving.said()
    assert "canary-email" in json.dumps(body), "what is sent holds what the option asks for"
    for text in (said, exported, listed):
        assert "canary" not in text
    for text in (said, exported, listed, json.dumps(body)):
        for secret in (*secrets, site.key, "canary-authorization"):
            assert secret not in text
            assert secret.removeprefix("whsec_") not in text
    lines = said.splitlines()
    assert "\x1b" not in said
    events = [json.loads(line) for line in lines if not line.startswith("Guerdon answers")]
    assert {"attempt", "callback refused"} <= {event["event"] for event in events}
    assert "forged" not in {event["event"] for event in events}
