"""How redemptions end: news, late news, and news told again after a COMMIT without an answer."""

import pytest
from tests.integration.programme import PROCESS, Programme, faults, judged, request

from guerdon.db.pool import Database
from guerdon.errors import AlreadyFinal, InsufficientTokens, NotOpen, ProviderUnavailable, Sending
from guerdon.outbox import store as outbox
from guerdon.providers import store as providers
from guerdon.providers.outcomes import Judgement
from guerdon.redemption.news import Told
from guerdon.sealing import Sealer
from guerdon.transactions.states import News, Status


@pytest.fixture
async def programme(database: Database, sealer: Sealer) -> Programme:
    made = await Programme.open(database, sealer)
    await made.member("ann", 100)
    return made


N = judged(trouble="connect")
U = judged(trouble="broken")
S = judged(status=200)
P = judged(status=201)
F = judged(status=200, body=b'{"status": "failure"}')
R = judged(status=400)


async def test_held_tokens_are_not_available(programme: Programme) -> None:
    for _ in range(3):
        await programme.redeem("ann")
    assert await programme.tokens("ann") == (10, 90, 0)
    with pytest.raises(InsufficientTokens) as refused:
        await programme.redeem("ann")
    assert refused.value.facts == {"available": 10, "required": 30}
    assert await faults(programme.database) == []


async def test_a_rejected_redemption_leaves_no_hold_beside_its_neighbours(
    programme: Programme,
) -> None:
    works = [request("1", programme.option.name, "ann") for _ in range(5)]
    results = await programme.redeem_many(works)
    refused = [result for result in results if isinstance(result, InsufficientTokens)]
    assert len(refused) == 2
    assert await programme.statement("ann") == [("issue", 100)] + [("hold", 30)] * 3
    assert await faults(programme.database) == []


async def test_the_same_key_twice_inside_one_batch_is_one_redemption(programme: Programme) -> None:
    works = [request("1", programme.option.name, "ann", key="k") for _ in range(4)]
    results = await programme.redeem_many(works)
    assert len({result.transaction.transaction_id for result in results}) == 1
    assert [result.replayed for result in results] == [False, True, True, True]
    assert await programme.tokens("ann") == (70, 30, 0)
    assert await faults(programme.database) == []


async def test_a_retry_answers_the_first_id_whatever_happened_since(programme: Programme) -> None:
    first = await programme.redeem("ann", key="k")
    n = await programme.claim(first)
    await programme.hear(programme.ended(first, n, S))
    work = request("1", programme.option.name, "ann", key="k")
    [again] = await programme.redeem_many([work])
    assert again.replayed
    assert again.transaction.transaction_id == first
    assert again.transaction.status is Status.PENDING
    assert await programme.tokens("ann") == (70, 0, 30)


async def test_an_acceptance_whose_commit_had_no_answer_is_driven_again_once(
    programme: Programme,
) -> None:
    """The lane drives the same work again; the first time was committed all the same."""
    work = request("1", programme.option.name, "ann", key="k")
    [first] = await programme.redeem_many([work])
    [second] = await programme.redeem_many([work])
    assert second.transaction.transaction_id == first.transaction.transaction_id
    assert not second.replayed, "to the member this is still the first answer"
    assert await programme.tokens("ann") == (70, 30, 0)


@pytest.mark.parametrize(
    ("judgement", "status", "tokens"),
    [
        (S, Status.SUCCESS, (70, 0, 30)),
        (F, Status.FAILURE, (100, 0, 0)),
        (P, Status.POSTPONED, (70, 30, 0)),
        (R, Status.RECOVERABLE, (70, 30, 0)),
        (U, Status.RECOVERABLE, (70, 30, 0)),
        (N, Status.PENDING, (70, 30, 0)),
    ],
)
async def test_a_result_told_twice_counts_once(
    programme: Programme, judgement: Judgement, status: Status, tokens: tuple[int, int, int]
) -> None:
    made = await programme.redeem("ann")
    ended = programme.ended(made, await programme.claim(made), judgement)
    await programme.hear(ended)
    before = await programme.transaction(made), await programme.events(made)
    again = await programme.hear(ended)
    assert not again.applied
    assert (await programme.transaction(made), await programme.events(made)) == before
    assert before[0].status is status
    assert await programme.tokens("ann") == tokens
    assert await faults(programme.database) == []


async def test_the_last_try_told_twice_is_still_owed(programme: Programme) -> None:
    """After the fifth N the message waits for its sixth attempt. A COMMIT without an answer makes
    the lane tell the fifth again: that must not pass for the sixth and give the tokens back."""
    made = await programme.redeem("ann")
    for _ in range(5):
        ended = programme.ended(made, await programme.claim(made), N)
        assert (await programme.hear(ended)).retries
    again = await programme.hear(ended)
    assert not again.applied
    assert (await programme.transaction(made)).status is Status.PENDING
    assert await programme.owes(made) == "queued"
    assert await programme.tokens("ann") == (70, 30, 0)
    await programme.hear(programme.ended(made, await programme.claim(made), N))
    assert (await programme.transaction(made)).status is Status.FAILURE
    assert await programme.owes(made) is None
    assert await faults(programme.database) == []


async def test_the_last_try_after_unknowns_told_twice_is_still_owed(programme: Programme) -> None:
    made = await programme.redeem("ann")
    for _ in range(5):
        ended = programme.ended(made, await programme.claim(made), U, idempotent=True)
        assert (await programme.hear(ended)).retries
    await programme.hear(ended)
    assert (await programme.transaction(made)).status is Status.PENDING
    assert await programme.owes(made) == "queued"


@pytest.mark.parametrize("late", [S, F, P, R])
async def test_a_late_answer_that_decides_ends_what_was_to_be_sent_again(
    programme: Programme, late: Judgement
) -> None:
    """The lease ran out, the provider is idempotent, so the message waits to be sent again; then
    the first attempt's answer arrives after all."""
    again = {"idempotent": True}
    made = await programme.redeem("ann")
    n = await programme.claim(made)
    await programme.due(made)
    ran_out = judged(trouble="lease-ran-out")
    assert (await programme.hear(programme.ended(made, n, ran_out, **again, lapsed=True))).retries
    assert await programme.owes(made) == "queued"
    assert (await programme.hear(programme.ended(made, n, late, **again))).applied
    assert await programme.owes(made) is None
    assert await faults(programme.database) == []


async def test_a_late_answer_in_callback_mode_is_the_acknowledgement(programme: Programme) -> None:
    mode = {"idempotent": True, "confirmation": "callback"}
    made = await programme.redeem("ann")
    n = await programme.claim(made)
    await programme.due(made)
    ran_out = judged(trouble="lease-ran-out")
    await programme.hear(programme.ended(made, n, ran_out, **mode, lapsed=True))
    await programme.hear(programme.ended(made, n, S, **mode))
    waiting = await programme.transaction(made)
    assert (waiting.status, waiting.open_reason) == (Status.PENDING, "acknowledged")
    assert await programme.owes(made) is None, "the provider has the message"


async def test_a_refusal_after_an_unknown_is_not_a_refusal(programme: Programme) -> None:
    for judgement in (F, R):
        made = await programme.redeem("ann")
        n = await programme.claim(made)
        await programme.due(made)
        ran_out = judged(trouble="lease-ran-out")
        await programme.hear(programme.ended(made, n, ran_out, lapsed=True))
        await programme.hear(programme.ended(made, n, judgement, bare4xx="refund"))
        assert (await programme.transaction(made)).status is Status.RECOVERABLE
    assert await programme.tokens("ann") == (40, 60, 0)


async def test_a_lease_that_did_not_run_out_is_not_concluded(programme: Programme) -> None:
    made = await programme.redeem("ann")
    n = await programme.claim(made)
    early = programme.ended(made, n, judged(trouble="lease-ran-out"), lapsed=True)
    assert not (await programme.hear(early)).applied
    assert await programme.owes(made) == "sending"
    assert not (await programme.transaction(made)).dirty


async def test_void_and_post_of_one_hold_in_one_batch(programme: Programme) -> None:
    made = await programme.redeem("ann")
    n = await programme.claim(made)
    await programme.hear(programme.ended(made, n, P))
    both = [
        programme.callback(made, News.SUCCEEDED),
        programme.callback(made, News.FAILED),
        programme.callback(made, News.SUCCEEDED),
    ]
    moved, contradicts, repeats = await programme.hear_many(both)
    assert moved.applied
    assert isinstance(contradicts, AlreadyFinal)
    assert not repeats.applied
    assert await programme.statement("ann") == [("issue", 100), ("hold", 30), ("capture", 30)]
    assert (await programme.transaction(made)).conflict
    assert await faults(programme.database) == []


async def test_contradicting_news_is_recorded_once_a_source(programme: Programme) -> None:
    made = await programme.redeem("ann")
    await programme.hear(programme.ended(made, await programme.claim(made), F))
    for _ in range(3):
        with pytest.raises(AlreadyFinal) as refused:
            await programme.hear(programme.callback(made, News.SUCCEEDED))
    assert refused.value.facts["currentStatus"] == "failure"
    assert (await programme.events(made)).count("conflict.recorded") == 1
    assert await programme.tokens("ann") == (100, 0, 0)


async def test_a_callback_before_the_reply_was_read(programme: Programme) -> None:
    made = await programme.redeem("ann")
    n = await programme.claim(made)
    assert (await programme.hear(programme.callback(made, News.SUCCEEDED))).applied
    contradicting = programme.ended(made, n, F)
    assert not (await programme.hear(contradicting)).applied
    assert await programme.events(made) == [
        "redeem.requested",
        "tokens.withdrawn",
        "confirmation.received",
        "message.posted",
        "conflict.recorded",
    ]
    assert await programme.owes(made) is None
    assert await programme.tokens("ann") == (70, 0, 30)
    assert await faults(programme.database) == []


@pytest.mark.parametrize("tries", [0, 5], ids=["first attempt", "last attempt"])
@pytest.mark.parametrize("trouble", ["connect", "no-such-host"])
async def test_an_attempt_that_was_not_sent_takes_nothing_from_who_has_it_already(
    programme: Programme, tries: int, trouble: str
) -> None:
    """The provider said by callback that it will decide later. That our last attempt to reach it
    failed is then no proof that the reward is not given."""
    made = await programme.redeem("ann")
    for _ in range(tries):
        await programme.hear(programme.ended(made, await programme.claim(made), N))
    n = await programme.claim(made)
    await programme.hear(programme.callback(made, News.POSTPONED))
    await programme.hear(programme.ended(made, n, judged(trouble=trouble)))
    assert (await programme.transaction(made)).status is Status.POSTPONED
    assert await programme.owes(made) is None
    assert await programme.tokens("ann") == (70, 30, 0)


async def test_a_callback_cancels_attempts_not_yet_begun(programme: Programme) -> None:
    made = await programme.redeem("ann")
    await programme.hear(programme.ended(made, await programme.claim(made), N))
    assert await programme.owes(made) == "queued"
    await programme.hear(programme.callback(made, News.SUCCEEDED))
    assert await programme.owes(made) is None


async def test_operators_wait_while_a_message_is_on_the_wire(programme: Programme) -> None:
    made = await programme.redeem("ann")
    n = await programme.claim(made)
    with pytest.raises(Sending):
        await programme.operator(made, News.CANCEL)
    await programme.hear(programme.callback(made, News.POSTPONED))
    with pytest.raises(Sending):
        await programme.operator(made, News.CANCEL)
    await programme.hear(programme.ended(made, n, U))
    assert (await programme.operator(made, News.CANCEL)).applied
    with pytest.raises(NotOpen) as closed:
        await programme.operator(made, News.CONFIRM)
    assert closed.value.facts["currentStatus"] == "failure"
    assert closed.value.facts["closedBy"] == "operator ann"
    assert await programme.tokens("ann") == (100, 0, 0)
    assert await faults(programme.database) == []


async def test_a_deadline_leads_to_people_and_never_to_a_refund(programme: Programme) -> None:
    tea = await programme.another_option(postponedDeadlineHours=1)
    made = await programme.redeem("ann", tea)
    await programme.hear(programme.ended(made, await programme.claim(made), P))
    deadline = Told(made, News.DEADLINE, "system", "system", rule="no-confirmation", why="late")
    assert not (await programme.hear(deadline)).applied, "it is not due"
    await programme.due(made)
    assert (await programme.hear(deadline)).applied
    assert (await programme.transaction(made)).status is Status.RECOVERABLE
    assert await programme.tokens("ann") == (80, 20, 0)


async def test_what_is_missing_in_the_purse_is_said_before_what_the_provider_lacks(
    programme: Programme,
) -> None:
    """Refusals have an order: 409 comes before 503."""
    dear = await programme.another_option(price=101)
    async with programme.database.tx() as tx:
        await providers.pause_by_machine(tx, programme.provider_id, "The provider answered 401.")
    with pytest.raises(InsufficientTokens):
        await programme.redeem("ann", dear)
    with pytest.raises(ProviderUnavailable):
        await programme.redeem("ann")
    assert await programme.statement("ann") == [("issue", 100)]


async def test_a_claim_takes_no_more_than_it_asked_for(programme: Programme) -> None:
    """A place on the wire was taken for each; more would pass the provider's limit."""
    made = [await programme.redeem("ann") for _ in range(3)]
    for transaction_id in made:
        await programme.due(transaction_id)
    claimed = []
    for _ in made:
        async with programme.database.batch() as tx:
            rows = await outbox.claim(
                tx,
                programme.slot("ann"),
                programme.provider_id,
                owner=PROCESS,
                lease_seconds=60,
                limit=1,
            )
        claimed.append([row.transaction_id for row in rows])
    assert sorted(claimed) == sorted([one] for one in made)
