"""The namespace's settings and the public keys of member tokens, over the API."""

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.conftest import ALL_SCOPES, Api, make_key
from tests.integration.api_parts import pointers, refused

from guerdon import ids
from guerdon.app import Running

KEYS = "/v1/member-keys"
_ED25519 = ed25519.Ed25519PrivateKey.generate()


def pem(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


ED25519 = pem(_ED25519.public_key())
RSA = pem(rsa.generate_private_key(65537, 2048).public_key())
P256 = pem(ec.generate_private_key(ec.SECP256R1()).public_key())
P384 = pem(ec.generate_private_key(ec.SECP384R1()).public_key())
SMALL_RSA = pem(rsa.generate_private_key(65537, 1024).public_key())
PRIVATE = _ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
# A curve that exists (brainpoolP160r1) and that is not supported here.
ODD_CURVE = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MEIwFAYHKoZIzj0CAQYJKyQDAwIIAQEBAyoABL7V2xYWo3rvBaXlDDXh1pwxtBp6OvV1NeJ0hYVt\n"
    "yNwkj0v9vkfjOKY=\n-----END PUBLIC KEY-----\n"
)


async def test_the_namespace_is_read_and_patched(api: Api) -> None:
    shown = await api.call("GET", "/v1/namespace")
    assert shown.status == 200
    empty = {"namespace": "1", "tokenIssuer": None, "tokenAudience": None, "allowedOrigins": []}
    empty["limits"] = {"apiKeyPerMinute": None, "memberPerMinute": 240}
    assert empty.items() <= shown.body.items()
    origins = ["https://shop.example", "http://localhost:3000", "https://[::1]:8443"]
    patch = {"tokenIssuer": "shop", "tokenAudience": "guerdon", "allowedOrigins": origins}
    headers = {"If-Match": shown.headers["ETag"]}
    changed = await api.call("PATCH", "/v1/namespace", patch, headers=headers)
    assert changed.status == 200
    assert patch.items() <= changed.body.items()
    assert (await api.call("GET", "/v1/namespace")).body == changed.body
    stale = await api.call("PATCH", "/v1/namespace", {"tokenIssuer": "x"}, headers=headers)
    refused(stale, 412, "precondition-failed")
    cleared = await api.call("PATCH", "/v1/namespace", {"tokenIssuer": None})
    assert (cleared.body["tokenIssuer"], cleared.body["tokenAudience"]) == (None, "guerdon")


async def test_settings_that_do_not_fit(api: Api) -> None:
    for origin in (
        "null",
        "*",
        "https://",
        "https://*.example.com",
        "https://example.com/",
        "https://user@example.com",
        "https://EXAMPLE.com",
        "https://[::1",
        "https://example.com:port",
        "javascript:alert(1)",
        "https://a b",
        "https://example.com\n",
    ):
        patch = {"allowedOrigins": ["https://ok.example", origin]}
        problem = refused(await api.call("PATCH", "/v1/namespace", patch), 422, "invalid-request")
        assert pointers(problem) == {"/allowedOrigins/1"}, origin
    for patch, pointer in (
        ({"tokenIssuer": ""}, "/tokenIssuer"),
        ({"tokenAudience": 5}, "/tokenAudience"),
        ({"allowedOrigins": "x"}, "/allowedOrigins"),
        ({"namespace": "2"}, "/namespace"),
        ({"limits": {"memberPerMinute": 9}}, "/limits/memberPerMinute"),
        ({"limits": {"apiKeyPerMinute": 0}}, "/limits/apiKeyPerMinute"),
        ({"limits": {"perMinute": 5}}, "/limits"),
        ({"version": 7}, "/version"),
    ):
        problem = refused(await api.call("PATCH", "/v1/namespace", patch), 422, "invalid-request")
        assert pointers(problem) == {pointer}


async def test_public_keys_are_registered_and_disabled(api: Api) -> None:
    made = []
    for algorithm, key in (("EdDSA", ED25519), ("RS256", RSA), ("ES256", P256)):
        body = {"algorithm": algorithm, "publicKey": key, "kid": f"{algorithm}-1", "label": "Shop"}
        answer = await api.call("POST", KEYS, body)
        assert answer.status == 201
        assert answer.body.keys() - body.keys() == {"id", "disabled", "createdAt"}
        assert body.items() <= answer.body.items()
        assert answer.body["disabled"] is False
        made.append(answer.body)
    assert (await api.call("GET", KEYS)).body == {"items": made, "nextCursor": None}
    first = await api.call("GET", f"{KEYS}?limit=2")
    assert first.body["items"] == made[:2]
    rest = await api.call("GET", f"{KEYS}?limit=2&cursor={first.body['nextCursor']}")
    assert rest.body == {"items": made[2:], "nextCursor": None}
    refused(await api.call("GET", f"{KEYS}?cursor=YQ"), 422, "invalid-request")
    path = f"{KEYS}/{made[0]['id']}"
    for disabled in (True, True, False):
        changed = await api.call("PATCH", path, {"disabled": disabled})
        assert (changed.status, changed.body) == (200, made[0] | {"disabled": disabled})
    for wrong in ({}, {"disabled": "yes"}, {"publicKey": RSA, "disabled": True}):
        refused(await api.call("PATCH", path, wrong), 422, "invalid-request")


async def test_keys_that_are_none(api: Api) -> None:
    for algorithm, key in (
        ("RS256", ED25519),
        ("EdDSA", RSA),
        ("ES256", P384),
        ("RS256", SMALL_RSA),
        ("EdDSA", PRIVATE),
        ("ES256", ODD_CURVE),
        ("EdDSA", "nonsense"),
        ("EdDSA", ""),
        ("EdDSA", "é\n"),
    ):
        answer = await api.call("POST", KEYS, {"algorithm": algorithm, "publicKey": key})
        assert pointers(refused(answer, 422, "invalid-request")) == {"/publicKey"}
    for algorithm in ("none", "HS256", "rs256"):
        answer = await api.call("POST", KEYS, {"algorithm": algorithm, "publicKey": RSA})
        assert pointers(refused(answer, 422, "invalid-request")) == {"/algorithm"}
    assert (await api.call("GET", KEYS)).body["items"] == []


async def test_another_namespaces_keys_are_not_there(api: Api, guerdon: Running) -> None:
    made = (await api.call("POST", KEYS, {"algorithm": "EdDSA", "publicKey": ED25519})).body
    other = api.with_key(await make_key(guerdon.parts.database, "2", ALL_SCOPES))
    assert (await other.call("GET", KEYS)).body["items"] == []
    assert (await other.call("GET", "/v1/namespace")).body["namespace"] == "2"
    for key_id in (made["id"], str(ids.random_id()), "nonsense"):
        answer = await other.call("PATCH", f"{KEYS}/{key_id}", {"disabled": True})
        refused(answer, 404, "not-found")
    assert (await api.call("GET", KEYS)).body["items"][0]["disabled"] is False


async def test_a_key_may_send_as_many_requests_a_minute_as_the_namespace_says(
    api: Api, guerdon: Running
) -> None:
    """The limit is of a key, not of a namespace; without one there is none."""
    for _ in range(100):
        assert (await api.call("GET", KEYS)).status == 200
    assert (
        await api.call("PATCH", "/v1/namespace", {"limits": {"apiKeyPerMinute": 2}})
    ).status == 200
    keys = [await make_key(guerdon.parts.database, "1", ["options"]) for _ in range(2)]
    for key in keys:
        held = api.with_key(key)
        answers = [await held.call("GET", KEYS) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        refused(answers[2], 429, "too-many-requests")
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 30
    other = api.with_key(await make_key(guerdon.parts.database, "2", ["options"]))
    for _ in range(5):
        assert (await other.call("GET", KEYS)).status == 200
