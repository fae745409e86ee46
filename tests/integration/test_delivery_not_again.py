"""What waits in the queue is looked at once more before it goes."""

from tests.faults import provider as faults
from tests.faults.provider import FaultProvider, says
from tests.faults.redeeming import GRANTED, PRICE, Redeeming, eventually


async def test_a_retry_after_an_unknown_is_not_sent_when_the_provider_is_no_longer_idempotent(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(faults.closes, says("success"))
    provider_id = await redeeming.provider(provider, idempotent=True)
    transaction_id = await redeeming.redeem(await redeeming.option(provider_id))
    await redeeming.until(transaction_id, "pending", 1)
    patch = {"idempotent": False}
    await redeeming.said(redeeming.api.call("PATCH", f"/v1/providers/{provider_id}", patch), 200)
    await redeeming.time_passes(transaction_id)
    ended = await redeeming.until(transaction_id, "recoverable-failure", 1)
    assert ended["events"][-1]["payload"]["rule"] == "not-idempotent"
    assert len(provider.of(transaction_id)) == 1
    assert await redeeming.tokens() == (GRANTED, GRANTED - PRICE)


async def test_what_came_back_into_the_queue_is_not_sent_after_the_end(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(says("success"))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider))
    await redeeming.until(transaction_id, "success", 1)
    await redeeming.change(
        "INSERT INTO message (slot, transaction_id, provider_id, state, attempts, due_at,"
        " created_at) SELECT slot, transaction_id, provider_id, 'queued', 1, now(), now()"
        " FROM transaction WHERE transaction_id = %(p0)s::uuid",
        transaction_id,
    )

    async def nothing_owed() -> bool:
        return await redeeming.owed() == 0

    await eventually(nothing_owed, {})
    assert len(provider.of(transaction_id)) == 1
