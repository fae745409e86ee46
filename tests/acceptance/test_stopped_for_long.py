"""A process that stands still for longer than its lease, with the answer at its door."""

import pytest
from tests.acceptance.provider import Provider
from tests.acceptance.site import Site, until


@pytest.mark.parametrize("idempotent", [False, True])
async def test_the_late_result_is_the_truth_that_was_missing(site: Site, idempotent: bool) -> None:
    await site.serve("--no-delivery")
    sleeper = await site.deliver()
    provider = Provider()
    provider.start()
    provider.answering.clear()
    made = await site.make_provider(provider, idempotent=idempotent, timeoutSeconds=30)
    option = await site.make_option(made["id"])
    await site.make_member("alice")
    transaction_id = await site.redeem("alice", option, "key")
    await until(lambda: provider.asked, "the message")
    sleeper.pause()
    provider.answering.set()
    await until(lambda: provider.answered, "an answer that nobody reads")

    await site.deliver()
    site.query("UPDATE message SET lease_until = now()")
    await until(lambda: not site.query("SELECT 1 FROM message WHERE state = 'sending'"), "a lapse")
    # The retry of an idempotent provider waits longer than we do.
    site.query("UPDATE message SET due_at = now() + interval '1 hour'")
    open_as = "pending" if idempotent else "recoverable-failure"
    assert site.statuses() == {transaction_id: open_as}

    sleeper.go_on()
    await until(lambda: site.statuses() == {transaction_id: "success"}, "the late result")
    assert site.query("SELECT 1 FROM message") == [], "what was not sent is not sent any more"
    assert site.movements()[transaction_id] == ["hold", "capture"]
    assert len(provider.asked) == 1
    await site.verify()
