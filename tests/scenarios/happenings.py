"""The steps of a scenario that make something happen."""

from typing import Any
from urllib.parse import quote

import msgspec
from tests.conftest import ALL_SCOPES, Answer, make_key
from tests.scenarios.book import SECONDS, Book, Programme, Redemption
from tests.scenarios.definitions import member_body, option_body, option_change, provider_body
from tests.scenarios.past import redeemed_in_the_past
from tests.scenarios.script import Step

from guerdon import clock, ids
from guerdon.providers import signing


class Happenings(Book):
    """One method a verb: ``do_`` and its name."""

    async def do_programme(self, step: Step) -> None:
        """What follows happens in this namespace."""
        [name] = step.words
        if name not in self.programmes:
            key = await make_key(self.database, name, ALL_SCOPES)
            self.programmes[name] = Programme(name, self.here.api.with_key(key))
        self.here = self.programmes[name]

    async def _provider_named(self, name: str, settings: dict[str, str]) -> None:
        body = provider_body(name, self.provider.url, self.timeout, settings)
        made = await self.call("POST", "/v1/providers", body, again=(422,))
        assert made.status == 201, made.body
        self.here.providers[name] = made.body

    async def do_provider(self, step: Step) -> None:
        await self._provider_named(step.words[0], step.settings)

    async def do_option(self, step: Step) -> None:
        name, *words = step.words
        await self._make_option(name, words, step.settings)

    async def _make_option(self, name: str, words: list[str], settings: dict[str, str]) -> None:
        provider = settings.get("provider", "rewards")
        if provider not in self.here.providers:
            await self._provider_named(provider, {})
        body = option_body(name, words, settings)
        body |= {"providerId": self.here.providers[provider]["id"], "name": str(ids.random_id())}
        made = await self.call("POST", "/v1/options", body, again=(422,))
        assert made.status == 201, made.body
        self.here.options[name] = made.body["name"]
        self.here.provider_of[name] = provider

    async def do_change(self, step: Step) -> None:
        where = f"/v1/options/{self.here.options[step.words[0]]}"
        self.expect(await self.call("PATCH", where, option_change(step), again=(200,)), [])

    async def do_archive(self, step: Step) -> None:
        where = f"/v1/options/{self.here.options[step.words[0]]}"
        self.expect(await self.call("DELETE", where, None, again=(200,)), [])

    async def do_member(self, step: Step) -> None:
        body = member_body(step)
        where = f"/v1/members/{quote(step.words[0], safe='')}"
        made = await self.call("PUT", where, body, again=(200,))
        if self.expect(made, step.expected):
            self.here.members.add(step.words[0])

    async def do_erase(self, step: Step) -> None:
        where = f"/v1/members/{quote(step.words[0], safe='')}"
        erased = await self.call("DELETE", where, None, again=(404,))
        if self.expect(erased, step.expected):
            self.here.members.discard(step.words[0])

    async def _issue(self, step: Step, route: str) -> None:
        user_id, amount = step.words
        body = {"amount": int(amount), "reason": f"line {step.line}"}
        answer = await self.keyed(f"/v1/members/{quote(user_id, safe='')}/{route}", body)
        if self.expect(answer, step.expected):
            assert answer.body["amount"] == int(amount)

    async def do_grant(self, step: Step) -> None:
        """Credits a member, who is made if they are new to the scenario."""
        if step.words[0] not in self.here.members:
            await self.do_member(Step(step.line, "", "member", step.words[:1], {}, []))
        await self._issue(step, "grants")

    async def do_charge(self, step: Step) -> None:
        await self._issue(step, "charges")

    async def do_redeem(self, step: Step) -> None:
        """``redeem LABEL MEMBER OPTION PRICE`` or, of a currency option,
        ``redeem LABEL MEMBER OPTION TOKENS CURRENCY MONEY``: the price or money is what the member
        was shown."""
        label, user_id, option, amount, *money = step.words
        if option not in self.here.options:
            await self._make_option(option, ["digital", amount], {})
        body: dict[str, Any] = {"optionName": self.here.options[option], "userId": user_id}
        if money:
            currency, shown = money
            hundredths = round(float(shown) * 100)
            body |= {"tokenAmount": int(amount), "currency": currency}
            body |= {"expectedCurrencyAmount": hundredths} if hundredths else {}
        else:
            body |= {"expectedPrice": int(amount)}
        answer = await self.keyed("/v1/redemptions", body | step.settings)
        if not self.expect(answer, step.expected):
            return
        assert answer.status == 202
        assert answer.body["price"] == int(amount)
        if money:
            assert answer.body["currencyAmount"] == hundredths
        assert answer.body["status"] == (step.expected or ["pending"])[0]
        self.redemptions[label] = Redemption(
            answer.body["id"], option, self.here.provider_of[option], self.here
        )

    async def do_past(self, step: Step) -> None:
        """``past MEMBER OPTION 25 h``: a redemption that succeeded that long ago."""
        user_id, option, number, unit = step.words
        provider_id = next(iter(self.here.providers.values()))["id"]
        await redeemed_in_the_past(
            self.database,
            self.here.namespace,
            self.here.options[option],
            provider_id,
            user_id,
            int(number) * SECONDS[unit],
        )

    async def do_reply(self, step: Step) -> None:
        """What the provider answers to the message, and what is concluded from it."""
        label, said = step.words
        redemption = self.redemptions[label]
        redemption.replies += 1
        message = await self.provider.message(redemption.transaction_id, redemption.replies)
        message.give(said)
        await self.until(redemption, step.expected, attempts=redemption.replies)

    async def do_later(self, step: Step) -> None:
        """What time alone brings about."""
        await self.until(self.redemptions[step.words[0]], step.expected, attempts=0)

    async def do_lapse(self, step: Step) -> None:
        """The process that was sending is taken for dead: its lease has run out."""
        redemption = self.redemptions[step.words[0]]
        await self.provider.message(redemption.transaction_id, redemption.replies + 1)
        self.move(
            "UPDATE message SET lease_until = now() WHERE transaction_id = %s",
            redemption.transaction_id,
        )
        await self.until(redemption, step.expected, attempts=redemption.replies + 1)

    async def do_callback(self, step: Step) -> None:
        """The provider's signed news."""
        label, status = step.words
        redemption = self.redemptions[label]
        provider = redemption.programme.providers[redemption.provider]
        said = {"transactionId": redemption.transaction_id, "status": status}
        raw = msgspec.json.encode(said | step.settings)
        headers = signing.sign(
            [provider["callbackSecret"]], str(ids.random_id()), clock.unix_seconds(), raw
        )
        path = f"/v1/providers/{provider['id']}/callbacks"
        await self._news(redemption, path, raw, headers, step.expected)

    async def do_original(self, step: Step) -> None:
        """The same by the routes of the original product."""
        label, status = step.words
        redemption = self.redemptions[label]
        provider = redemption.programme.providers[redemption.provider]
        name = redemption.programme.options[redemption.option]
        said = {"secretKey": provider["secretKey"], "transactionId": redemption.transaction_id}
        path = f"/fed/providers/{name}/events/redeem.static.{status}"
        await self._news(redemption, path, msgspec.json.encode(said), {}, step.expected)

    async def _news(
        self,
        redemption: Redemption,
        path: str,
        raw: bytes,
        headers: dict[str, str],
        expected: list[str],
    ) -> None:
        before = await self.seen(redemption)
        api = redemption.programme.api.with_key("none: providers have no key")
        told = await api.call("POST", path, data=raw, headers=headers)
        after = await self.seen(redemption)
        assert after["status"] == expected[0], told.body
        moved = after["status"] != before["status"]
        self._check_told(told, after, moved=moved, conflict="!conflict" in expected)
        if self.twice:
            again = await api.call("POST", path, data=raw, headers=headers)
            self._check_told(again, after, moved=False, conflict="!conflict" in expected)
            assert await self.seen(redemption) == after

    @staticmethod
    def _check_told(told: Answer, after: dict[str, Any], *, moved: bool, conflict: bool) -> None:
        if conflict:
            assert (told.status, told.body["code"]) == (409, "already-final")
            assert told.body["currentStatus"] == after["status"]
            assert told.body["closedAt"] == after["closedAt"]
            assert after["conflict"]
            return
        assert told.status == 200, told.body
        assert told.body == {
            "transactionId": after["id"],
            "status": after["status"],
            "applied": moved,
        }

    async def do_confirm(self, step: Step) -> None:
        """An operator says: the reward was given."""
        await self._decide(step, "confirm")

    async def do_cancel(self, step: Step) -> None:
        """An operator says: it was not."""
        await self._decide(step, "cancel")

    async def do_resend(self, step: Step) -> None:
        """An operator has the provider asked again."""
        redemption = self.redemptions[step.words[0]]
        path = f"/v1/transactions/{redemption.transaction_id}/resend"
        sent = await self.call("POST", path, {"reason": f"line {step.line}"}, again=(409,))
        if self.expect(sent, step.expected):
            assert sent.body["status"] == step.expected[0]

    async def do_resolve(self, step: Step) -> None:
        """``resolve LABEL leave|grant|charge``: people close the case."""
        label, choice = step.words
        path = f"/v1/transactions/{self.redemptions[label].transaction_id}/resolve"
        body = {"choice": choice, "reason": f"line {step.line}"}
        closed = await self.call("POST", path, body, again=(409,))
        if self.expect(closed, step.expected):
            assert closed.body["choice"] == choice
            assert (await self.seen(self.redemptions[label]))["case"] == closed.body

    async def _decide(self, step: Step, what: str) -> None:
        redemption = self.redemptions[step.words[0]]
        path = f"/v1/transactions/{redemption.transaction_id}/{what}"
        body = {"reason": f"line {step.line}"}
        decided = await self.call("POST", path, body, again=(409,))
        if self.expect(decided, step.expected):
            assert decided.body["status"] == step.expected[0]
            seen = await self.seen(redemption)
            shown = {name: seen[name] for name in decided.body}
            assert decided.body == shown | {"events": len(seen["events"])}

    async def do_advance(self, step: Step) -> None:
        """``advance 24 h``: everything in this namespace that waits for a time comes nearer."""
        number, unit = step.words
        seconds = int(number) * SECONDS[unit]
        for table, column in (
            ("transaction", "due_at"),
            ("transaction", "next_ask_at"),
            ("message", "due_at"),
            ("message", "created_at"),
        ):
            self.move(
                f"UPDATE {table} SET {column} = {column} - make_interval(secs => %s)"
                " WHERE transaction_id IN"
                " (SELECT transaction_id FROM transaction WHERE namespace = %s)",
                seconds,
                self.here.namespace,
            )
