"""Members over the API: profiles, tokens in and out, statements, erasure."""

from tests.conftest import ALL_SCOPES, Api, make_key
from tests.integration.api_parts import (
    create_member,
    furnished,
    grant,
    pointers,
    refused,
    segment,
)

from guerdon.amount import MAX_TOKENS
from guerdon.app import Running

EMPTY = {
    "userId": "ann",
    "email": None,
    "address": None,
    "attributes": {},
    "frozen": False,
    "balance": 0,
    "available": 0,
    "tokensRedeemed": 0,
}


async def test_put_creates_then_changes_and_get_shows_the_same(api: Api) -> None:
    made = await api.call("PUT", "/v1/members/ann", {})
    assert made.status == 201
    created_at = made.body["createdAt"]
    assert made.body == {**EMPTY, "createdAt": created_at}
    profile = {
        "email": "ann@example.com",
        "address": "1 Main Street\nDublin",
        "attributes": {"tier": "gold", "age": 41, "vip": True, "tags": ["a", "b"], "none": None},
        "frozen": True,
    }
    changed = await api.call("PUT", "/v1/members/ann", profile)
    assert changed.status == 200
    assert changed.body == {**EMPTY, **profile, "createdAt": created_at}
    assert (await api.call("GET", "/v1/members/ann")).body == changed.body


async def test_put_leaves_absent_fields_and_replaces_attributes_whole(api: Api) -> None:
    await api.call("PUT", "/v1/members/ann", {"email": "a@b", "attributes": {"tier": "gold"}})
    kept = await api.call("PUT", "/v1/members/ann", {"attributes": {"city": "Cork"}})
    assert kept.body["email"] == "a@b"
    assert kept.body["attributes"] == {"city": "Cork"}
    removed = await api.call("PUT", "/v1/members/ann", {"email": None})
    assert removed.body["email"] is None
    assert removed.body["attributes"] == {"city": "Cork"}


async def test_put_refuses_what_does_not_fit(api: Api) -> None:
    wrong: list[tuple[object, str]] = [
        ({"email": "x" * 321}, "/email"),
        ({"email": "a\tb"}, "/email"),
        ({"email": 5}, "/email"),
        ({"address": ["x"]}, "/address"),
        ({"frozen": "yes"}, "/frozen"),
        ({"attributes": []}, "/attributes"),
        ({"attributes": {"deep": {"no": 1}}}, "/attributes/deep"),
        ({"balance": 5}, "/balance"),
        ({"namespace": "2"}, "/namespace"),
        ({"userId": "other"}, "/userId"),
        ([], ""),
    ]
    for body, pointer in wrong:
        answer = await api.call("PUT", "/v1/members/ann", body)
        assert pointers(refused(answer, 422, "invalid-request")) == {pointer}
    refused(await api.call("GET", "/v1/members/ann"), 404, "member-not-found")


ODD_USER_IDS = [
    "User 123",
    "a/b",
    "/",
    "%2F",
    "a%00b",
    "a+b",
    "a?b#c",
    "åäö",
    "e\u0301",
    "\u00e9",
    "用户",
    "👩‍👩‍👧",
    " leading and trailing ",
    "...",
    "batch",
    "statement",
    "a;b=c,d",
    "' OR 1=1 --",
    "\\",
    "x" * 255,
    "😀" * 255,
]


async def test_user_ids_are_kept_code_point_by_code_point(api: Api) -> None:
    for number, user_id in enumerate(ODD_USER_IDS, start=1):
        path = f"/v1/members/{segment(user_id)}"
        made = await api.call("PUT", path, {})
        assert made.status == 201, (user_id, made.body)
        assert made.body["userId"] == user_id
        assert (await grant(api, user_id, number)).status == 201
    for number, user_id in enumerate(ODD_USER_IDS, start=1):
        path = f"/v1/members/{segment(user_id)}"
        assert (await api.call("GET", path)).body["available"] == number
        statement = await api.call("GET", f"{path}/statement")
        assert [item["amount"] for item in statement.body["items"]] == [number]


NOBODY = [".", "..", "%2E", "%2e%2E", "a%00b", "a%0Ab", "%7F", "%C2%85", "x" * 256, "x" * 10_000]


async def test_user_ids_that_nobody_may_carry(api: Api) -> None:
    for spelt in [*NOBODY, ""]:
        for method, path, body in (
            ("PUT", f"/v1/members/{spelt}", {}),
            ("GET", f"/v1/members/{spelt}", None),
            ("DELETE", f"/v1/members/{spelt}", None),
            ("GET", f"/v1/members/{spelt}/statement", None),
        ):
            refused(await api.call(method, path, body), 422, "invalid-request")
        body = {"amount": 1, "reason": "r"}
        answer = await api.call("POST", f"/v1/members/{spelt}/grants", body, key="k")
        refused(answer, 422, "invalid-request")


async def test_a_path_that_is_not_utf8_leads_nowhere(api: Api) -> None:
    for spelt in ("%FF", "%C3%28", "%ED%A0%80"):
        refused(await api.call("GET", f"/v1/members/{spelt}"), 404, "not-found")


async def test_unknown_members_are_not_found(api: Api) -> None:
    body = {"amount": 1, "reason": "r"}
    for method, path, sent, key in (
        ("GET", "/v1/members/nobody", None, None),
        ("DELETE", "/v1/members/nobody", None, None),
        ("GET", "/v1/members/nobody/statement", None, None),
        ("POST", "/v1/members/nobody/grants", body, "k1"),
        ("POST", "/v1/members/nobody/charges", body, "k2"),
    ):
        refused(await api.call(method, path, sent, key=key), 404, "member-not-found")


async def test_a_grant_and_a_charge_answer_their_receipts(api: Api) -> None:
    await create_member(api, "ann")
    granted = await grant(api, "ann", 100)
    assert granted.status == 201
    assert granted.body == {
        "postingId": granted.body["postingId"],
        "amount": 100,
        "balance": 100,
        "available": 100,
    }
    body = {"amount": 30, "reason": "Correction"}
    charged = await api.call("POST", "/v1/members/ann/charges", body, key="c1")
    assert charged.status == 201
    assert charged.body == {
        "postingId": charged.body["postingId"],
        "amount": 30,
        "balance": 70,
        "available": 70,
    }
    more = await api.call(
        "POST", "/v1/members/ann/charges", {"amount": 71, "reason": "r"}, key="c2"
    )
    refused(more, 409, "insufficient-tokens")
    assert (await api.call("GET", "/v1/members/ann")).body["balance"] == 70


async def test_the_same_key_and_body_replay_the_first_receipt(api: Api) -> None:
    await create_member(api, "ann")
    first = await grant(api, "ann", 100, key="k")
    await grant(api, "ann", 7)
    again = await grant(api, "ann", 100, key="k")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    refused(await grant(api, "ann", 101, key="k"), 422, "idempotency-key-reused")
    # Another route and another member are other keys.
    body = {"amount": 100, "reason": "Welcome"}
    charged = await api.call("POST", "/v1/members/ann/charges", body, key="k")
    assert (charged.status, charged.body["balance"]) == (201, 7)
    await create_member(api, "ben")
    assert (await grant(api, "ben", 100, key="k")).status == 201


async def test_a_key_of_another_namespace_is_independent(api: Api, guerdon: Running) -> None:
    other = api.with_key(await make_key(guerdon.parts.database, "2", ALL_SCOPES))
    for one in (api, other):
        await create_member(one, "ann")
        answer = await grant(one, "ann", 100, key="k")
        assert (answer.status, answer.headers.get("Idempotent-Replayed")) == (201, None)
    assert (await other.call("GET", "/v1/members/ann")).body["balance"] == 100


async def test_a_refused_grant_leaves_its_key_unused(api: Api) -> None:
    refused(await grant(api, "ann", 5, key="k"), 404, "member-not-found")
    await create_member(api, "ann")
    answer = await grant(api, "ann", 6, key="k")
    assert (answer.status, answer.body["balance"]) == (201, 6)


async def test_amounts_that_are_none(api: Api) -> None:
    await create_member(api, "ann")
    for amount in (0, -1, MAX_TOKENS + 1, 1.5, 1.0, True, "5", None, [1]):
        problem = refused(await grant(api, "ann", amount), 422, "invalid-request")
        assert pointers(problem) == {"/amount"}


async def test_a_balance_never_passes_what_can_be_counted(api: Api) -> None:
    await create_member(api, "ann", MAX_TOKENS)
    refused(await grant(api, "ann", 1), 422, "invalid-request")
    assert (await api.call("GET", "/v1/members/ann")).body["balance"] == MAX_TOKENS


async def test_each_field_of_a_grant_that_is_wrong_is_pointed_at(api: Api) -> None:
    await create_member(api, "ann")
    body = {"amount": "many", "why": 1}
    answer = await api.call("POST", "/v1/members/ann/grants", body, key="k")
    assert pointers(refused(answer, 422, "invalid-request")) == {"/amount", "/reason", "/why"}
    for reason in ("", "a\nb", "line\n", "x" * 501):
        body = {"amount": 1, "reason": reason}
        answer = await api.call("POST", "/v1/members/ann/grants", body, key="k")
        assert pointers(refused(answer, 422, "invalid-request")) == {"/reason"}


async def test_a_statement_tells_every_movement(api: Api) -> None:
    async with furnished(api) as shop:
        await shop.member("ann", 1000)
        made = await shop.redeem("ann", until="success")
        shop.rewards.next(200, {"status": "failure"})
        failed = await shop.redeem("ann", until="failure")
        body = {"amount": 50, "reason": "Fee"}
        await api.call("POST", "/v1/members/ann/charges", body, key="c")
        answer = await api.call("GET", "/v1/members/ann/statement")
    assert answer.status == 200
    assert answer.body["nextCursor"] is None
    items = answer.body["items"]
    assert items[0].keys() == {
        "postingId",
        "movement",
        "amount",
        "availableChange",
        "heldChange",
        "balance",
        "available",
        "at",
        "transactionId",
        "reason",
    }
    told = [
        (i["movement"], i["availableChange"], i["heldChange"], i["balance"], i["available"])
        for i in items
    ]
    assert told == [
        ("adjust", -50, 0, 750, 750),
        ("release", 200, -200, 800, 800),
        ("hold", -200, 200, 800, 600),
        ("capture", 0, -200, 800, 800),
        ("hold", -200, 200, 1000, 800),
        ("issue", 1000, 0, 1000, 1000),
    ]
    assert [i["amount"] for i in items] == [50, 200, 200, 200, 200, 1000]
    ids_told = [i["transactionId"] for i in items]
    assert ids_told == [None, failed["id"], failed["id"], made["id"], made["id"], None]
    assert [i["reason"] for i in items] == ["Fee", None, None, None, None, "Welcome"]
    assert len({i["postingId"] for i in items}) == 6


async def test_a_statement_pages_and_stays_put_while_postings_come_in(api: Api) -> None:
    await create_member(api, "ann")
    for amount in range(1, 8):
        await grant(api, "ann", amount)
    whole = await api.call("GET", "/v1/members/ann/statement?limit=7")
    assert (len(whole.body["items"]), whole.body["nextCursor"]) == (7, None)
    seen: list[int] = []
    path = "/v1/members/ann/statement?limit=3"
    cursor = None
    while True:
        page = await api.call("GET", path + (f"&cursor={cursor}" if cursor else ""))
        seen += [item["amount"] for item in page.body["items"]]
        await grant(api, "ann", 100)
        cursor = page.body["nextCursor"]
        if cursor is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_erasure_removes_the_person_and_keeps_the_money(api: Api) -> None:
    async with furnished(api) as shop:
        await shop.member("ann", 500, email="ann@example.com", address="1 Main Street")
        made = await shop.redeem("ann", until="success")
        shop.rewards.next(201)
        open_one = await shop.redeem("ann", until="postponed")
        refused(await api.call("DELETE", "/v1/members/ann"), 409, "open-transactions")
        await api.call("POST", f"/v1/transactions/{open_one['id']}/cancel", {"reason": "r"})
        gone = await api.call("DELETE", "/v1/members/ann")
        assert (gone.status, gone.body) == (204, b"")
        for path in ("/v1/members/ann", "/v1/members/ann/statement"):
            refused(await api.call("GET", path), 404, "member-not-found")
        refused(await api.call("DELETE", "/v1/members/ann"), 404, "member-not-found")
        kept = (await api.call("GET", f"/v1/transactions/{made['id']}")).body
        assert (kept["status"], kept["price"]) == ("success", 200)
        assert kept["userId"].startswith("erased-")
        assert "ann@example.com" not in str(kept)
        assert "Main Street" not in str(kept)
        assert [event["type"] for event in kept["events"]][:2] == [
            "redeem.requested",
            "tokens.withdrawn",
        ]
        body = await api.call("GET", f"/v1/transactions/{made['id']}/attempts/1/body")
        refused(body, 404, "not-found")
        again = await api.call("PUT", "/v1/members/ann", {})
        assert (again.status, again.body["balance"]) == (201, 0)
        refused(await api.call("PUT", f"/v1/members/{kept['userId']}", {}), 422, "invalid-request")
