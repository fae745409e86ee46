"""Runs a scenario through the real application, as it is and with every call made twice.

Calls go over HTTP; what the provider does and how time passes is in the scenario's hand.
"""

from typing import Any
from urllib.parse import quote

from tests.scenarios.happenings import Happenings
from tests.scenarios.script import Step

from guerdon.redemption import audit

SLOTS = 2


class Runner(Happenings):
    """The steps that look, and the way through all of them."""

    async def run(self, steps: list[Step]) -> None:
        """Every step; then every keyed call once more, which must change nothing."""
        for step in steps:
            try:
                await getattr(self, f"do_{step.verb}")(step)
            except Exception as trouble:
                trouble.add_note(f"line {step.line}: {step.text}")
                raise
        if self.twice:
            before = await self._balances()
            for api, path, body, key, first in self.first_answers:
                self.alike(first, await api.call("POST", path, body, key=key))
            assert await self._balances() == before
        await self.do_verify(steps[-1])

    async def _balances(self) -> dict[str, Any]:
        found = {}
        for programme in self.programmes.values():
            for user_id in programme.members:
                answer = await programme.api.call("GET", f"/v1/members/{quote(user_id, safe='')}")
                found[f"{programme.namespace} {user_id}"] = answer.body
        return found

    async def do_balance(self, step: Step) -> None:
        """``balance MEMBER 100 available 70 [redeemed 30]``."""
        user_id, *words = step.words
        answer = await self.here.api.call("GET", f"/v1/members/{quote(user_id, safe='')}")
        if not self.expect(answer, step.expected):
            return
        balance, *rest = words
        wanted = dict(zip(rest[::2], map(int, rest[1::2]), strict=True))
        wanted = {{"redeemed": "tokensRedeemed"}.get(k, k): v for k, v in wanted.items()}
        wanted["balance"] = int(balance)
        assert {name: answer.body[name] for name in wanted} == wanted

    async def do_statement(self, step: Step) -> None:
        """The postings, oldest first: movement, change of available and of held, and what is then
        the balance and available."""
        path = f"/v1/members/{quote(step.words[0], safe='')}/statement"
        answer = await self.here.api.call("GET", path)
        rows = [
            [
                item["movement"],
                f"{item['availableChange']:+}",
                f"{item['heldChange']:+}",
                str(item["balance"]),
                str(item["available"]),
            ]
            for item in reversed(answer.body["items"])
        ]
        assert rows == [row.split() for row in step.rows]

    async def do_status(self, step: Step) -> None:
        """Where a transaction stands."""
        seen = await self.seen(self.redemptions[step.words[0]])
        assert seen["status"] == step.expected[0]
        assert seen["conflict"] == ("!conflict" in step.expected)

    async def do_events(self, step: Step) -> None:
        """The history, by number and title."""
        seen = await self.seen(self.redemptions[step.words[0]])
        assert [f"{event['seq']} {event['title']}" for event in seen["events"]] == step.rows

    async def do_payload(self, step: Step) -> None:
        """Some of what one event says: ``payload LABEL NUMBER`` and a line for each field."""
        label, number = step.words
        seen = await self.seen(self.redemptions[label])
        self._check_fields(seen["events"][int(number) - 1]["payload"], step.rows)

    async def do_message(self, step: Step) -> None:
        """All that the provider was sent, field by field; the same bytes in every attempt."""
        redemption = self.redemptions[step.words[0]]
        message = await self.provider.message(redemption.transaction_id, 1)
        self._check_fields(message.body, step.rows)
        known = {"redeemOptionName", "transactionId", *(row.split()[0] for row in step.rows)}
        assert set(message.body) == known
        assert message.body["redeemOptionName"] == self.here.options[redemption.option]

    @staticmethod
    def _check_fields(said: dict[str, Any], rows: list[str]) -> None:
        for row in rows:
            name, _, wanted = row.partition(" ")
            value = said[name]
            assert ("null" if value is None else str(value)) == wanted.strip(), name

    async def do_sent(self, step: Step) -> None:
        """``sent LABEL 1``: how many messages the provider has got about it."""
        label, number = step.words
        assert self.provider.count(self.redemptions[label].transaction_id) == int(number)

    async def do_limits(self, step: Step) -> None:
        """``limits OPTION used 1 left 0``."""
        name, _, used, _, left = step.words
        found = await self.here.api.call("GET", f"/v1/options/{self.here.options[name]}")
        wanted = [used, left]
        assert [str(found.body["timesUsed"]), str(found.body["timesLeft"])] == wanted

    async def do_verify(self, step: Step) -> None:
        """The ledger's proof finds nothing."""
        faults: list[audit.Fault] = []
        await audit.prove(self.database, SLOTS, faults.append, lambda _: None)
        assert faults == []
