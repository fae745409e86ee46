"""Signing in by OpenID Connect, against an issuer that really signs, and really lies."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey
from tests.conftest import LOOPBACK, served
from tests.integration.openid_issuer import CLIENT_ID, OpenIdIssuer, elliptic, issuing
from tests.integration.signing_in_parts import Page, Person, audited, make_operator, somebody
from tests.integration.test_sign_in_second_step import code_at, enrol

from guerdon import app
from guerdon.db.pool import Database
from guerdon.sealing import Sealer

ANN = "ann@example.com"


@pytest.fixture
async def issuer() -> AsyncIterator[OpenIdIssuer]:
    async with issuing() as at_work:
        yield at_work


@pytest.fixture
async def url(issuer: OpenIdIssuer, database: Database, sealer: Sealer) -> AsyncIterator[str]:
    """A Guerdon whose operators may sign in through the issuer."""
    running = app.running(
        database, sealer, LOOPBACK, base_path="/ops", openid=issuer.settings, delivers=False
    )
    async with running as at_work, served(at_work, "") as api:
        yield str(api._session._base_url).rstrip("/") + "/ops"


async def there_and_back(person: Person, following: str = "/members") -> Page:
    """To the issuer and back, as a browser goes; answers what the console says then."""
    return await person.get(await returning(person, following))


async def returning(person: Person, following: str = "/members") -> str:
    """The address that the issuer sends the browser back to."""
    left = await person.get(f"/sign-in/openid?next={following}")
    assert left.status == 303, left.text
    back = await person.get(left.location or "")
    assert back.status == 302, back.text
    return back.location or ""


async def test_signing_in_through_the_issuer(
    url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    await make_operator(database, "1", "Ann@Example.com", password=False)
    async with somebody(url) as person:
        assert "/ops/sign-in/openid?next=%2F" in (await person.get("/sign-in")).text
        came_back = await there_and_back(person)
        assert came_back.location == "/ops/members"
        assert await person.inside
        assert list(person.cookies()) == ["guerdon"], "nothing else is left behind"
    (asked,) = issuer.asked
    assert asked["kept"] == "yes"
    assert asked["redirect_uri"] == f"{url}/sign-in/openid/return"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    told = ("operator.signed-in", "Ann@Example.com", {"by": "openid"})
    assert told in await audited(database)


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256"])
async def test_signatures_of_every_usual_kind(
    algorithm: str, url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    await make_operator(database, "1", ANN)
    issuer.algorithm = algorithm
    if algorithm.startswith("ES"):
        issuer.key = elliptic()
    issuer.published = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    async with somebody(url) as person:
        await there_and_back(person)
        assert await person.inside
    assert issuer.exchanged[0]["client_id"] == CLIENT_ID


HOSTILE: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "somebody-else"},
    "our audience among others, for another party": {
        "aud": [CLIENT_ID, "else"],
        "azp": "somebody-else",
    },
    "our audience among others, for nobody": {"aud": [CLIENT_ID, "else"]},
    "another nonce": {"nonce": "of another sign-in"},
    "no nonce": {"nonce": None},
    "expired": {"iat": 1_700_000_000, "exp": 1_700_000_300},
    "without an end": {"exp": None},
    "an end that is no number": {"exp": "tomorrow"},
    "from the future": {"iat": 4_000_000_000, "exp": 4_000_000_300},
    "another access token's": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "an email that is not verified": {"email_verified": False},
    "an email that nobody speaks of": {"email_verified": None},
    "an email verified in another sense": {"email_verified": "true"},
    "no email": {"email": None},
    "an email that is no text": {"email": [ANN]},
    "no subject": {"sub": None},
}


@pytest.mark.parametrize("claims", HOSTILE.values(), ids=HOSTILE)
async def test_an_id_token_that_does_not_hold_opens_nothing(
    claims: dict[str, Any], url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    await make_operator(database, "1", ANN)
    issuer.claims = claims
    async with somebody(url) as person:
        refused = await there_and_back(person)
        assert refused.status == 422
        assert "did not vouch for you" in refused.text
        assert person.cookies() == {}
    assert await audited(database) == []


def unsigned(token: str) -> str:
    _, claims, _ = token.split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    return f"{header}.{claims}."


def with_the_public_key(token: str, public: bytes) -> str:
    """The public key, taken for a shared secret: the oldest trick."""
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').decode().rstrip("=")
    said = f"{header}.{token.split('.')[1]}"
    mac = hmac.digest(public, said.encode(), "sha256")
    return f"{said}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def changed(token: str) -> str:
    header, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    said["email"] = "root@example.com"
    again = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"{header}.{again}.{signature}"


@pytest.mark.parametrize(
    "forged", [unsigned, changed, lambda token: token[:-6] + "AAAAAA", lambda _: "x"]
)
async def test_a_signature_that_is_not_the_issuers_opens_nothing(
    forged: Any, url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    await make_operator(database, "1", ANN)
    await make_operator(database, "1", "root@example.com", "admin")
    issuer.forged = forged
    async with somebody(url) as person:
        assert (await there_and_back(person)).status == 422
        assert not await person.inside


async def test_a_key_that_is_not_published_opens_nothing(
    url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    await make_operator(database, "1", ANN)
    issuer.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    async with somebody(url) as person:
        assert (await there_and_back(person)).status == 422
    issuer.signs_with = None
    issuer.forged = lambda token: with_the_public_key(token, issuer.key.as_pem(private=False))
    async with somebody(url) as person:
        assert (await there_and_back(person)).status == 422
        assert not await person.inside


async def test_a_return_belongs_to_the_browser_that_left(
    url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url) as ann, somebody(url) as eve:
        stolen = await returning(ann)
        refused = await eve.get(stolen)
        assert refused.status == 422
        assert "not on its way" in refused.text
        await returning(eve)
        assert (await eve.get(stolen)).status == 422, "another state"
        for checks in (True, False):
            issuer.checks_challenge = checks
            own = await returning(eve)
            code = parse_qs(urlsplit(stolen).query)["code"][0]
            put_in = own.replace(parse_qs(urlsplit(own).query)["code"][0], code)
            assert (await eve.get(put_in)).status == 422, "another's code: PKCE, and the nonce"
        assert not await eve.inside


async def test_a_code_opens_once(url: str, issuer: OpenIdIssuer, database: Database) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url) as person:
        back = await returning(person)
        kept = person.cookies()
        assert (await person.get(back)).status == 303
        again = await person.get(back)
        assert "not on its way" in again.text, "the way back is gone with its cookie"
        async with somebody(url) as thief:
            thief.session.cookie_jar.update_cookies(kept)
            refused = await thief.get(back)
            assert refused.status == 422, "the issuer takes no code twice"
            assert "did not vouch" in refused.text


@pytest.mark.parametrize(
    "query",
    ["", "?state={state}", "?error=access_denied&state={state}", "?code=x", "?code=x&state=y"],
)
async def test_a_return_without_a_code_or_state_opens_nothing(
    query: str, url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    async with somebody(url) as person:
        await returning(person)
        back = f"{url}/sign-in/openid/return" + query.format(state=issuer.asked[-1]["state"])
        assert (await person.get(back)).status == 422
    assert issuer.exchanged == []


async def test_a_code_in_the_name_of_another_issuer(
    url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url) as person:
        back = await returning(person)
        assert (await person.get(back + "&iss=https%3A%2F%2Fevil.example")).status == 422
        issuer.published = {"authorization_response_iss_parameter_supported": True}
        assert (await there_and_back(person)).status == 422, "it says that it names itself"
        back = await returning(person)
        assert (await person.get(f"{back}&iss={issuer.url}")).status == 303


@pytest.mark.parametrize(
    "published",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_what_an_issuer_publishes_of_itself_is_not_believed_blindly(
    published: dict[str, Any], url: str, issuer: OpenIdIssuer
) -> None:
    issuer.published = published
    async with somebody(url) as person:
        refused = await person.get("/sign-in/openid")
        assert refused.status == 503
        assert "evil" not in refused.text


async def test_an_issuer_that_is_away_says_so_and_passwords_still_work(
    url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    await make_operator(database, "1", ANN)
    issuer.down = True
    async with somebody(url) as person:
        refused = await person.get("/sign-in/openid")
        assert refused.status == 503
        assert "does not answer" in refused.text
        await person.sign_in(ANN)
        assert await person.inside


async def test_it_never_makes_an_operator_and_lets_no_disabled_one_in(
    url: str, issuer: OpenIdIssuer, database: Database, database_url: str
) -> None:
    await make_operator(database, "1", "mike@example.com")
    async with somebody(url) as person:
        for email in ("nobody@example.com", "mi\u212ae@example.com"):
            issuer.email = email
            refused = await there_and_back(person)
            assert refused.status == 422, "a Kelvin sign is no k"
            assert "is nobody&#39;s here" in refused.text
        issuer.email = "mike@example.com"
        async with database.pool.connection() as connection:
            await connection.execute("UPDATE operator SET disabled_at = now()")
        assert (await there_and_back(person)).status == 422
        assert not await person.inside


async def test_who_belongs_to_several_programmes_says_which(
    url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    for namespace in ("1", "2"):
        await make_operator(database, namespace, ANN)
    await make_operator(database, "3", "else@example.com")
    async with somebody(url) as person:
        assert (await there_and_back(person)).location == "/ops/sign-in/programme"
        page = await person.get("/sign-in/programme")
        assert 'value="1"' in page.text
        assert 'value="3"' not in page.text
        assert not await person.inside
        not_theirs = await person.post("/sign-in/programme", {"namespace": "3"})
        assert not_theirs.location == "/ops/sign-in"
        half = person.cookies()["guerdon-half"]
        chosen = await person.post("/sign-in/programme", {"namespace": "2"})
        assert chosen.location == "/ops/members"
        async with somebody(url) as thief:
            thief.session.cookie_jar.update_cookies({"guerdon-half": half})
            again = await thief.post("/sign-in/programme", {"namespace": "1"})
            assert again.location == "/ops/sign-in", "it is used up"
        assert "programme 2" in (await person.get("/account")).text
        assert "guerdon-half" not in person.cookies()


async def test_the_second_step_is_asked_for_whatever_the_first_was(
    url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url) as person:
        await there_and_back(person)
        secret, _ = await enrol(person, database)
    async with somebody(url) as person:
        assert (await there_and_back(person)).location == "/ops/sign-in/code"
        assert not await person.inside
        opened = await person.post("/sign-in/code", {"code": await code_at(database, secret)})
        assert opened.location == "/ops/members"
        assert await person.inside
    assert ("operator.signed-in", ANN, {"by": "openid", "with": "code"}) in await audited(database)


async def test_where_to_go_next_is_a_place_of_ours(
    url: str, issuer: OpenIdIssuer, database: Database
) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url) as person:
        for following in ("//evil.example", "https://evil.example", "/" + "x" * 4000):
            assert (await there_and_back(person, following)).location == "/ops/"


async def test_without_an_issuer_there_is_no_such_way(database: Database, sealer: Sealer) -> None:
    running = app.running(database, sealer, LOOPBACK, delivers=False)
    async with (
        running as at_work,
        served(at_work, "") as api,
        somebody(str(api._session._base_url).rstrip("/")) as person,
    ):
        assert "openid" not in (await person.get("/sign-in")).text
        for path in ("/sign-in/openid", "/sign-in/openid/return?code=x&state=y"):
            assert (await person.get(path)).status == 404


async def test_behind_a_proxy_that_speaks_https(url: str, issuer: OpenIdIssuer) -> None:
    proxied = {"X-Forwarded-Proto": "https", "Host": "rewards.example.com"}
    async with somebody(url) as person:
        there = url + "/sign-in/openid"
        async with person.session.get(there, headers=proxied, allow_redirects=False) as answer:
            asked = parse_qs(urlsplit(answer.headers["Location"]).query)
            cookie = answer.headers["Set-Cookie"]
        plain = {"Cookie": f"guerdon-openid={'A' * 43}", **proxied}
        async with person.session.get(there + "/return?code=x", headers=plain) as answer:
            assert "not on its way" in await answer.text(), "over https the plain name is not it"
    assert asked["redirect_uri"] == ["https://rewards.example.com/ops/sign-in/openid/return"]
    assert cookie.startswith("__Host-guerdon-openid=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))


async def test_asking_the_issuer_is_slowed_down(url: str, issuer: OpenIdIssuer) -> None:
    async with somebody(url) as person:
        seen = [(await person.get("/sign-in/openid")).status for _ in range(61)]
    assert seen == [303] * 60 + [429]
