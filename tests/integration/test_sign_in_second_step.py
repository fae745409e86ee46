"""A second step at sign-in: codes that open once, recovery codes, waiting, resetting, sealing."""

import asyncio
import re

import psycopg
import pyotp
import pytest
from tests.conftest import Api
from tests.integration.signing_in_parts import Person, audited, make_operator, somebody

from guerdon.access import sessions
from guerdon.access.second_steps import codes
from guerdon.access.second_steps import store as second_steps
from guerdon.db.pool import Database
from guerdon.sealing import SealBroken, Sealer

ANN = "ann@example.com"
NOW = 1_800_000_000


def url_of(api: Api) -> str:
    return str(api._session._base_url).rstrip("/")


def secret_in(text: str) -> str:
    return re.findall(r'id="secret">([A-Z2-7 ]+)<', text)[0].replace(" ", "")


def wrong_code(secret: str) -> str:
    """A code of no half minute around now."""
    totp = pyotp.TOTP(secret)
    now = totp.timecode(pyotp.totp.datetime.datetime.now())
    near = {totp.generate_otp(now + step) for step in range(-3, 4)}
    return next(code for code in (f"{n:06}" for n in range(10)) if code not in near)


async def clock_of(database: Database) -> float:
    async with database.tx() as tx:
        return tx.at.timestamp()


async def code_at(database: Database, secret: str, periods: int = 0) -> str:
    """The code of the half minute that the database is in, or of one near it."""
    counter = int(await clock_of(database)) // codes.PERIOD_SECONDS
    return pyotp.TOTP(secret).generate_otp(counter + periods)


async def enrol(person: Person, database: Database) -> tuple[str, list[str]]:
    """Turns the second step on for who is signed in; uses the code of the half minute before."""
    await person.send("/account", "/account/second-step")
    secret = secret_in((await person.get("/account")).text)
    code = await code_at(database, secret, -1)
    confirmed = await person.send("/account", "/account/second-step/confirm", code=code)
    assert confirmed.status == 200, confirmed.text
    recovery = re.findall(r"<li>((?:[A-Z2-7]{4}-){3}[A-Z2-7]{4})</li>", confirmed.text)
    assert len(set(recovery)) == 10
    return secret, recovery


async def test_a_code_is_asked_for_and_opens_once(api: Api, database: Database) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url_of(api)) as here, somebody(url_of(api)) as there:
        await here.sign_in(ANN)
        await there.sign_in(ANN)
        secret, _ = await enrol(here, database)
        assert await here.inside
        assert not await there.inside, "sessions that were begun without it end"
        first = await there.sign_in(ANN)
        assert first.location == "/sign-in/code"
        assert not await there.inside, "half inside is outside"
        refused = await there.post("/sign-in/code", {"code": wrong_code(secret)})
        assert refused.status == 422
        used = await there.post("/sign-in/code", {"code": await code_at(database, secret, -1)})
        assert used.status == 422, "the code that turned it on was used"
        code = await code_at(database, secret)
        assert (await there.post("/sign-in/code", {"code": code})).status == 303
        assert await there.inside
        async with somebody(url_of(api)) as third:
            await third.sign_in(ANN)
            assert (await third.post("/sign-in/code", {"code": code})).status == 422
            assert not await third.inside
    told = [action for action, _, _ in await audited(database)]
    assert told.count("operator.second-step-on") == 1
    assert told.count("operator.second-step-failed") == 3
    assert ("operator.signed-in", ANN, {"by": "password", "with": "code"}) in await audited(
        database
    )


async def test_one_code_at_the_same_time_opens_one_door(api: Api, database: Database) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url_of(api)) as here:
        await here.sign_in(ANN)
        secret, _ = await enrol(here, database)
    code = await code_at(database, secret)

    async def enter() -> bool:
        async with somebody(url_of(api)) as person:
            await person.sign_in(ANN)
            await person.post("/sign-in/code", {"code": code})
            return await person.inside

    assert sum(await asyncio.gather(*(enter() for _ in range(6)))) == 1


async def test_a_half_sign_in_is_used_up_and_ends(
    api: Api, database: Database, database_url: str
) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url_of(api)) as here:
        await here.sign_in(ANN)
        secret, _ = await enrol(here, database)
    async with somebody(url_of(api)) as person, somebody(url_of(api)) as thief:
        await person.sign_in(ANN)
        half = person.cookies()["guerdon-half"]
        await person.post("/sign-in/code", {"code": await code_at(database, secret)})
        assert "guerdon-half" not in person.cookies()
        thief.session.cookie_jar.update_cookies({"guerdon-half": half, "guerdon": half})
        assert not await thief.inside, "it never was a session"
        again = await thief.post("/sign-in/code", {"code": await code_at(database, secret, 1)})
        assert again.location == "/sign-in"
        await thief.sign_in(ANN)
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE half_sign_in SET expires_at = now()")
        assert (await thief.get("/sign-in/code")).location == "/sign-in"
        await thief.sign_in(ANN)
        assert (await thief.get("/sign-in/code")).status == 200
        async with database.tx() as tx:
            await sessions.end_all(tx, "1", ANN)
        assert (await thief.get("/sign-in/code")).location == "/sign-in", "ended everywhere"
        assert (await thief.post("/sign-in/code", {"code": "1"})).location == "/sign-in"


async def test_wrong_codes_make_the_next_one_wait(
    api: Api, database: Database, database_url: str
) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url_of(api)) as person:
        await person.sign_in(ANN)
        secret, recovery = await enrol(person, database)
        await person.sign_in(ANN)  # a new first step, from the same browser
    async with somebody(url_of(api)) as person:
        await person.sign_in(ANN)
        wrong = wrong_code(secret)
        seen = [(await person.post("/sign-in/code", {"code": wrong})).status for _ in range(6)]
        assert seen == [422] * 5 + [429]
        right = await code_at(database, secret)
        assert (await person.post("/sign-in/code", {"code": right})).status == 429
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE second_step SET failed_at = now() - interval '31 seconds'")
        assert (await person.post("/sign-in/code", {"code": wrong})).status == 422
        again = await person.post("/sign-in/code", {"code": right})
        assert again.status == 429, "it doubles"
        assert re.search(r"Try again in (5\d|60) seconds", again.text)
        opened = await person.post("/sign-in/code", {"code": recovery[0].lower()})
        assert opened.status == 303, "somebody's guesses do not keep the owner out"
        assert await person.inside


async def test_recovery_codes_open_once_each_and_are_stored_as_hashes(
    api: Api, database: Database, database_url: str
) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url_of(api)) as person:
        await person.sign_in(ANN)
        secret, recovery = await enrol(person, database)
        assert recovery[0] not in (await person.get("/account")).text, "shown once"
    for code, opens in ((recovery[3], True), (recovery[3], False), (recovery[4], True)):
        async with somebody(url_of(api)) as person:
            await person.sign_in(ANN)
            await person.post("/sign-in/code", {"code": code})
            assert await person.inside is opens
            if opens:
                text = (await person.get("/account")).text
    assert "8 of 10 recovery codes are left" in text
    with psycopg.connect(database_url) as connection:
        stored = repr(connection.execute("SELECT * FROM recovery_code").fetchall())
        kept = repr(connection.execute("SELECT * FROM second_step").fetchall())
    assert all(code not in stored and codes.plain(code) not in stored for code in recovery)
    assert secret not in kept
    assert ("operator.recovery-code-used", ANN, {}) in await audited(database)


async def test_turning_it_off_takes_a_code(api: Api, database: Database) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url_of(api)) as person:
        await person.sign_in(ANN)
        secret, _ = await enrol(person, database)
        again = await person.send("/account", "/account/second-step")
        assert again.status == 422, "a session left open cannot put another secret in its place"
        form = {"code": wrong_code(secret)}
        refused = await person.send("/account", "/account/second-step/end", **form)
        assert refused.status == 422
        code = await code_at(database, secret)
        await person.send("/account", "/account/second-step/end", code=code)
        assert (await person.sign_in(ANN)).status == 403, "a form of the session's own is needed"
    async with somebody(url_of(api)) as person:
        assert (await person.sign_in(ANN)).location == "/redeem/transactions" or await person.inside
    assert "operator.second-step-off" in [action for action, _, _ in await audited(database)]


async def test_an_admin_resets_it_for_others_of_the_same_programme(
    api: Api, database: Database
) -> None:
    await make_operator(database, "1", ANN)
    await make_operator(database, "1", "root@example.com", "admin")
    await make_operator(database, "2", "far@example.com", "admin")
    async with (
        somebody(url_of(api)) as ann,
        somebody(url_of(api)) as root,
        somebody(url_of(api)) as far,
    ):
        await ann.sign_in(ANN)
        await enrol(ann, database)
        async with database.read() as tx:
            (row,) = await sessions.owners(tx, ANN)
        operator = str(row.operator_id)
        path = "/settings/team/second-step"
        await far.sign_in("far@example.com")
        assert (await far.send("/account", path, operator=operator)).status == 404
        assert (await ann.send("/account", path, operator=operator)).status == 403
        assert await ann.inside
        await root.sign_in("root@example.com")
        assert (
            f'Reset second step<span class="unseen"> of {ANN}'
            in (await root.get("/settings/team")).text
        )
        assert (await root.send("/settings/team", path, operator=operator)).status == 303
        assert not await ann.inside
        await ann.sign_in(ANN)
        assert await ann.inside, "by password alone again"
        async with database.read() as tx:
            (own,) = await sessions.owners(tx, "root@example.com")
        refused = await root.send("/account", path, operator=str(own.operator_id))
        assert refused.status == 422
    assert ("operator.second-step-reset", ANN, {}) in await audited(database)


async def test_signing_out_everywhere(api: Api, database: Database) -> None:
    await make_operator(database, "1", ANN)
    await make_operator(database, "1", "bob@example.com")
    async with (
        somebody(url_of(api)) as here,
        somebody(url_of(api)) as there,
        somebody(url_of(api)) as bob,
    ):
        for person, email in ((here, ANN), (there, ANN), (bob, "bob@example.com")):
            await person.sign_in(email)
        page = await here.get("/account")
        assert page.text.count('data-label="Signed in"') == 2
        assert page.text.count(">here<") == 1
        left = await here.send("/account", "/account/sign-out-everywhere")
        assert left.location == "/sign-in"
        assert not await here.inside
        assert not await there.inside
        assert await bob.inside
    assert ("operator.signed-out-everywhere", ANN, {}) in await audited(database)


async def test_a_rotation_of_the_key_seals_the_secrets_anew(
    api: Api, database: Database, sealer: Sealer
) -> None:
    await make_operator(database, "1", ANN)
    async with somebody(url_of(api)) as person:
        await person.sign_in(ANN)
        secret, _ = await enrol(person, database)
    old, new = bytes(range(32)), bytes(32)
    both = Sealer(new, old)
    async with database.tx() as tx:
        (row,) = await sessions.owners(tx, ANN)
        assert await second_steps.seal_anew(tx, both) == 1
        assert await second_steps.seal_anew(tx, both) == 0
    code = await code_at(database, secret)
    async with database.tx() as tx:
        with pytest.raises(SealBroken):
            await second_steps.check(tx, sealer, row.operator_id, code)
        checked = await second_steps.check(tx, Sealer(new), row.operator_id, code)
    assert checked.right


def test_codes_of_the_half_minutes_around_are_right_and_only_later_ones() -> None:
    secret = codes.new_secret()
    current = NOW // 30
    for step, right in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        code = pyotp.TOTP(secret).generate_otp(current + step)
        found = codes.counter_of(secret, code, NOW, 0)
        assert found == (current + step if right else None)
        assert codes.counter_of(secret, code, NOW, current + step) is None
    assert codes.counter_of(secret, "", NOW, 0) is None
    assert codes.counter_of(secret, "１２３４５６", NOW, 0) is None


def test_the_wait_doubles_and_ends() -> None:
    waits = [codes.wait_after(failures) for failures in range(12)]
    assert waits == [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900]
    assert codes.wait_after(10**6) == 900
