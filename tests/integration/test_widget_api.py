"""The widget's own API: whose token is believed, what a member sees, and from which pages."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.conftest import ALL_SCOPES, Answer, Api, make_key
from tests.integration.api_parts import Rewards, refused, rewards

from guerdon.db.pool import Database

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
SHOP = "https://shop.example.com"


def _part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _signature(key: PrivateKey, signed: bytes) -> bytes:
    if isinstance(key, RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(signed)
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def pem(key: PrivateKey) -> str:
    shape = PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(Encoding.PEM, shape).decode()


def token(
    key: PrivateKey, algorithm: str = "EdDSA", /, kid: str | None = None, **claims: Any
) -> str:
    """A token as a host makes it; a claim of ``None`` is left out."""
    header = {"alg": algorithm, "typ": "JWT"} | ({"kid": kid} if kid else {})
    said = {"sub": "ann", "exp": int(time.time()) + 600} | claims
    body = {name: value for name, value in said.items() if value is not None}
    signed = f"{_part(header)}.{_part(body)}"
    return f"{signed}.{_part(_signature(key, signed.encode()))}"


@dataclass
class Site:
    """A host's site: its private key, and the widget's API."""

    api: Api
    key: Ed25519PrivateKey
    provider_id: str

    async def call(
        self, method: str, path: str, body: Any = None, *, bearer: str | None = None, **more: Any
    ) -> Answer:
        as_member = self.api.with_key(bearer if bearer is not None else token(self.key))
        return await as_member.call(method, f"/widget/v1/{path}", body, **more)

    async def option(self, **fields: Any) -> str:
        given = {"type": "digital", "title": "Coffee", "price": 30, "providerId": self.provider_id}
        made = await self.api.call("POST", "/v1/options", given | fields)
        assert made.status == 201, made.body
        return str(made.body["name"])


async def register(api: Api, key: PrivateKey, algorithm: str, **more: Any) -> str:
    body = {"algorithm": algorithm, "publicKey": pem(key)} | more
    made = await api.call("POST", "/v1/member-keys", body)
    assert made.status == 201, made.body
    return str(made.body["id"])


@pytest.fixture
async def site(api: Api) -> Any:
    key = Ed25519PrivateKey.generate()
    await register(api, key, "EdDSA")
    async with rewards() as provider:
        yield await _furnish(api, key, provider)


async def _furnish(api: Api, key: Ed25519PrivateKey, provider: Rewards) -> Site:
    made = await api.call("POST", "/v1/providers", {"name": "Rewards", "webhookUrl": provider.url})
    await api.call("PUT", "/v1/members/ann", {"email": "ann@example.com"})
    await api.call("POST", "/v1/members/ann/grants", {"amount": 100, "reason": "hello"}, key="g")
    return Site(api, key, made.body["id"])


# whose token is believed -------------------------------------------------------------------------


async def test_a_token_of_each_kind_of_key_is_believed(site: Site) -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    await register(site.api, rsa_key, "RS256", kid="r")
    await register(site.api, ec_key, "ES256")
    for bearer in (
        token(site.key),
        token(rsa_key, "RS256", kid="r"),
        token(ec_key, "ES256", kid="whatever the host calls it"),
    ):
        answer = await site.call("GET", "me", bearer=bearer)
        assert answer.status == 200, answer.body
        assert answer.body["userId"] == "ann"


async def test_forged_tokens_are_all_refused(site: Site, database: Database) -> None:
    now = int(time.time())
    stranger = Ed25519PrivateKey.generate()
    rsa_key = rsa.generate_private_key(65537, 2048)
    await register(site.api, rsa_key, "RS256", kid="r")
    other = site.api.with_key(await make_key(database, "2", ALL_SCOPES))
    others_key = Ed25519PrivateKey.generate()
    await register(other, others_key, "EdDSA")
    genuine = token(site.key, ns="1")
    head, body, signature = genuine.split(".")
    none = f"{_part({'alg': 'none'})}.{body}."
    hs_signed = f"{_part({'alg': 'HS256'})}.{body}"
    secret = pem(rsa_key).encode()
    confused = _part(hmac.new(secret, hs_signed.encode(), hashlib.sha256).digest())
    forged = {
        "alg none": none,
        "alg None": f"{_part({'alg': 'None'})}.{body}.",
        "a public key as a shared secret": f"{hs_signed}.{confused}",
        "a stranger's key": token(stranger, ns="1"),
        "another namespace's key": token(others_key, ns="1"),
        "no ns where there are two": token(site.key),
        "an ns that is not there": token(site.key, ns="3"),
        "an ns that is no text": token(site.key, ns=1),
        "another algorithm than the key's": token(site.key, "RS256", ns="1"),
        "a kid of another key": token(rsa_key, "RS256", kid="s", ns="1"),
        "a kid that is a path": token(rsa_key, "RS256", kid="../../etc/passwd", ns="1"),
        "expired": token(site.key, ns="1", exp=now - 60),
        "no exp": token(site.key, ns="1", exp=None),
        "an exp that is no number": token(site.key, ns="1", exp="tomorrow"),
        "an exp that is true": token(site.key, ns="1", exp=True),
        "lives too long": token(site.key, ns="1", exp=now + 25 * 3600),
        "lived too long already": token(site.key, ns="1", iat=now - 24 * 3600, exp=now + 600),
        "not yet": token(site.key, ns="1", nbf=now + 120),
        "issued in the future": token(site.key, ns="1", iat=now + 120),
        "no sub": token(site.key, ns="1", sub=None),
        "a sub that nobody may carry": token(site.key, ns="1", sub=".."),
        "a body changed": f"{head}.{_part({'sub': 'bob', 'exp': now + 60})}.{signature}",
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "four parts": f"{genuine}.{signature}",
        "the same claim twice": f'{head}.{_part(b"""{"sub":"ann","sub":"bob"}""")}.{signature}',
        "oversized": token(site.key, ns="1", pad="x" * 10_000),
        "not base64": "a.b.c",
        "an API key": site.api.key,
        "nothing": "",
    }
    for what, bearer in forged.items():
        answer = await site.call("GET", "me", bearer=bearer)
        assert answer.status == 401, (what, answer.body)
        refused(answer, 401, "unauthenticated")
    assert (await site.call("GET", "me", bearer=genuine)).status == 200


async def test_issuer_and_audience_are_asked_for_where_configured(site: Site) -> None:
    patch = {"tokenIssuer": "https://shop.example.com", "tokenAudience": "guerdon"}
    assert (await site.api.call("PATCH", "/v1/namespace", patch)).status == 200
    right = {"iss": "https://shop.example.com", "aud": ["other", "guerdon"]}
    for claims, status in (
        (right, 200),
        (right | {"aud": "guerdon"}, 200),
        (right | {"aud": "other"}, 401),
        (right | {"aud": None}, 401),
        (right | {"iss": "https://evil.example.com"}, 401),
        (right | {"iss": None}, 401),
    ):
        answer = await site.call("GET", "me", bearer=token(site.key, **claims))
        assert answer.status == status, claims


async def test_clocks_may_differ_by_half_a_minute(site: Site) -> None:
    now = int(time.time())
    for claims in ({"exp": now - 10}, {"nbf": now + 10}, {"iat": now + 10}):
        assert (await site.call("GET", "me", bearer=token(site.key, **claims))).status == 200


async def test_a_disabled_key_is_out_at_once(site: Site) -> None:
    other = Ed25519PrivateKey.generate()
    key_id = await register(site.api, other, "EdDSA")
    bearer = token(other)
    assert (await site.call("GET", "me", bearer=bearer)).status == 200
    await site.api.call("PATCH", f"/v1/member-keys/{key_id}", {"disabled": True})
    refused(await site.call("GET", "me", bearer=bearer), 401, "unauthenticated")


async def test_an_unknown_member_is_made_and_an_erased_one_is_not(site: Site) -> None:
    new = token(site.key, sub="new member/1")
    answer = await site.call("GET", "me", bearer=new)
    assert answer.body["available"] == 0
    assert (await site.api.call("GET", "/v1/members/new%20member%2F1")).status == 200
    assert (await site.api.call("DELETE", "/v1/members/new%20member%2F1")).status == 204
    refused(await site.call("GET", "me", bearer=new), 410, "member-erased")


# what a member sees ------------------------------------------------------------------------------


async def test_the_catalogue_says_what_stands_in_the_way(site: Site) -> None:
    await site.option(title="Coffee", order=1)
    await site.option(title="Car", price=5000, order=2)
    await site.option(title="Later", window={"from": "2999-01-01T00:00:00Z"}, order=3)
    await site.option(title="Over", window={"to": "2001-01-01T00:00:00Z"})
    await site.option(title="Off", enabled=False)
    gold = {"audience": [[{"attribute": "tier", "op": "eq", "value": "gold"}]]}
    await site.option(title="Gold", **gold, blockedMessage="For gold members.", order=4)
    await site.option(title="Secret", **gold, showWhenBlocked=False)
    answer = await site.call("GET", "options")
    shown = [
        (item["title"], item["redeemable"], (item["obstacle"] or {}).get("code"))
        for item in answer.body["items"]
    ]
    assert shown == [
        ("Coffee", True, None),
        ("Car", False, "insufficient-tokens"),
        ("Later", False, "option-unavailable"),
        ("Gold", False, "not-eligible"),
    ]
    by_title = {item["title"]: item for item in answer.body["items"]}
    assert by_title["Car"]["obstacle"]["missing"] == 4900
    assert by_title["Later"]["obstacle"]["opensAt"] == "2999-01-01T00:00:00.000Z"
    assert by_title["Gold"]["obstacle"]["detail"] == "For gold members."
    assert "providerId" not in by_title["Coffee"]
    assert "audience" not in by_title["Gold"]


async def test_what_is_used_up_is_said_or_hidden(site: Site) -> None:
    once = await site.option(title="Once", limits={"perMember": 1}, usedUpMessage="You had it.")
    gone = await site.option(title="Gone", limits={"total": 1}, showWhenUsedUp=False)
    for name in (once, gone):
        answer = await site.call("POST", "redemptions", {"optionName": name}, key=name)
        assert answer.status == 202, answer.body
    items = (await site.call("GET", "options")).body["items"]
    assert [(item["title"], item["obstacle"]["detail"]) for item in items] == [
        ("Once", "You had it.")
    ]


async def test_texts_are_in_the_members_language_where_they_are_translated(site: Site) -> None:
    audience = {"audience": [[{"attribute": "tier", "op": "eq", "value": "gold"}]]}
    gold = {"title": "Weekend", "blockedMessage": "For gold members.", **audience, "order": 1}
    german = {"title": "Wochenende", "blockedMessage": "Nur für Gold-Mitglieder."}
    await site.option(**gold, language="en", translations={"de": german})
    own = {"title": "Coffee", "description": "Any drink.", "limits": {"perMember": 1}}
    brazilian = {"title": "Café", "usedUpMessage": "Já tomou."}
    coffee = await site.option(**own, order=2, translations={"pt-BR": brazilian})
    in_portuguese = {"headers": {"Accept-Language": "pt, de;q=0.9"}}
    weekend, cup = (await site.call("GET", "options", **in_portuguese)).body["items"]
    assert (weekend["title"], weekend["languages"]["title"]) == ("Weekend", "en")
    assert weekend["obstacle"]["message"] == "For gold members."
    assert weekend["obstacle"]["languages"] == {"message": "en"}
    assert (cup["title"], cup["description"]) == ("Café", "Any drink.")
    assert cup["languages"] == {"title": "pt-BR", "description": None, "details": None}
    weekend, cup = (await site.call("GET", "options", headers={"Accept-Language": "de-AT"})).body[
        "items"
    ]
    assert (weekend["title"], weekend["languages"]["title"]) == ("Wochenende", "de")
    assert weekend["obstacle"]["detail"] == "Nur für Gold-Mitglieder."
    assert weekend["obstacle"]["languages"] == {"message": "de"}
    assert (cup["title"], cup["languages"]["title"]) == ("Coffee", None)

    redeemed = await site.call("POST", "redemptions", {"optionName": coffee}, key="k")
    await site.api.call("PATCH", f"/v1/options/{coffee}", {"translations": {"pt-BR": None}})
    where = f"transactions/{redeemed.body['id']}"
    for path in (where, "transactions"):
        body = (await site.call("GET", path, **in_portuguese)).body
        shown = body if path == where else body["items"][0]
        # By the version it was made with, which was translated.
        assert (shown["optionTitle"], shown["languages"]) == ("Café", {"optionTitle": "pt-BR"})
    plain = (await site.call("GET", where)).body
    assert (plain["optionTitle"], plain["languages"]) == ("Coffee", {"optionTitle": None})
    used_up = (await site.call("GET", "options", **in_portuguese)).body["items"][1]["obstacle"]
    assert used_up["message"] is None
    kept = (await site.api.call("GET", f"/v1/{where}")).body
    assert kept["optionTitle"] == "Coffee"


async def test_redeeming_is_once_for_each_key_and_member(site: Site) -> None:
    option = await site.option()
    body = {"optionName": option, "expectedPrice": 30}
    first = await site.call("POST", "redemptions", body, key="k")
    again = await site.call("POST", "redemptions", body, key="k")
    assert (first.status, again.status) == (202, 202)
    assert first.body == again.body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.body["status"] == "pending"
    assert first.body["tokens"] == "held"
    # The same key at another door is another key.
    api = await site.api.call(
        "POST", "/v1/redemptions", {"optionName": option, "userId": "ann"}, key="k"
    )
    assert api.body["id"] != first.body["id"]
    refused(await site.call("POST", "redemptions", body), 400, "malformed-request")
    wrong = body | {"userId": "bob"}
    refused(await site.call("POST", "redemptions", wrong, key="k2"), 422, "invalid-request")
    dearer = body | {"expectedPrice": 20}
    problem = refused(
        await site.call("POST", "redemptions", dearer, key="k3"), 409, "price-changed"
    )
    assert problem["price"] == 30


async def test_a_member_sees_nothing_of_another(site: Site) -> None:
    option = await site.option()
    mine = await site.call("POST", "redemptions", {"optionName": option}, key="k")
    transaction_id = mine.body["id"]
    assert (await site.call("GET", f"transactions/{transaction_id}")).status == 200
    listed = await site.call("GET", "transactions")
    assert [item["id"] for item in listed.body["items"]] == [transaction_id]
    bob = token(site.key, sub="bob")
    theirs = await site.call("GET", f"transactions/{transaction_id}", bearer=bob)
    refused(theirs, 404, "transaction-not-found")
    refused(await site.call("GET", "transactions/1", bearer=bob), 404, "transaction-not-found")
    assert (await site.call("GET", "transactions", bearer=bob)).body["items"] == []


async def test_a_member_token_opens_no_other_door(site: Site) -> None:
    bearer = site.api.with_key(token(site.key))
    for method, path in (("GET", "/v1/transactions"), ("GET", "/v1/members/ann")):
        refused(await bearer.call(method, path), 401, "unauthenticated")


async def test_a_member_may_send_as_many_requests_a_minute_as_the_namespace_says(
    site: Site,
) -> None:
    patch = {"limits": {"memberPerMinute": 10}}
    assert (await site.api.call("PATCH", "/v1/namespace", patch)).status == 200
    for _ in range(10):
        assert (await site.call("GET", "me")).status == 200
    more = await site.call("GET", "me", bearer=token(site.key, exp=int(time.time()) + 300))
    refused(more, 429, "too-many-requests")
    assert 1 <= int(more.headers["Retry-After"]) <= 6
    assert (await site.call("GET", "me", bearer=token(site.key, sub="bob"))).status == 200


# from which pages --------------------------------------------------------------------------------


async def test_only_allowed_pages_may_read_answers(site: Site) -> None:
    await site.api.call("PATCH", "/v1/namespace", {"allowedOrigins": [SHOP]})
    allowed = await site.call("GET", "me", headers={"Origin": SHOP})
    assert allowed.headers["Access-Control-Allow-Origin"] == SHOP
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    assert "Origin" in allowed.headers["Vary"]
    for origin in ("null", "https://evil-shop.example.com", SHOP + ".evil.com", "https://x", "*"):
        answer = await site.call("GET", "me", headers={"Origin": origin})
        refused(answer, 403, "not-permitted")
        assert "Access-Control-Allow-Origin" not in answer.headers
    # An expired token must be readable as such, or the widget could not ask for a new one.
    expired = await site.call("GET", "me", bearer=token(site.key, exp=1), headers={"Origin": SHOP})
    assert expired.status == 401
    assert expired.headers["Access-Control-Allow-Origin"] == SHOP


async def test_preflights_are_answered_for_allowed_pages_only(site: Site) -> None:
    await site.api.call("PATCH", "/v1/namespace", {"allowedOrigins": [SHOP]})
    asked = {"Access-Control-Request-Method": "POST", "Authorization": ""}
    allowed = await site.call("OPTIONS", "redemptions", headers=asked | {"Origin": SHOP})
    assert allowed.status == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == SHOP
    assert "Idempotency-Key" in allowed.headers["Access-Control-Allow-Headers"]
    other = await site.call("OPTIONS", "redemptions", headers=asked | {"Origin": "https://x"})
    assert other.status == 403
    assert "Access-Control-Allow-Origin" not in other.headers
