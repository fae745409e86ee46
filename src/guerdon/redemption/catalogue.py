"""The catalogue as one member sees it: what they may redeem, and if not, why not, in words.

An obstacle's facts let a page say it in another language: ``missing`` tokens, ``opensAt``,
``resetsAt``, ``reason`` of a limit, and ``message``, where it is the operator's own sentence.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from guerdon import clock, ids
from guerdon.db.pool import ReadTx
from guerdon.errors import (
    GuerdonError,
    InsufficientTokens,
    LimitReached,
    MemberFrozen,
    NotEligible,
    OptionUnavailable,
    ProviderUnavailable,
)
from guerdon.ledger import store as ledger
from guerdon.ledger.posting import Account
from guerdon.members.model import Member
from guerdon.options import eligibility
from guerdon.options import store as options
from guerdon.options.model import Option
from guerdon.providers import store as providers
from guerdon.transactions import store as transactions
from guerdon.transactions.histories import store as histories

_MOST_OPTIONS = 1000


@dataclass(frozen=True, slots=True)
class Offer:
    """An option that a member is shown. ``obstacle``: why they cannot redeem it now."""

    option: Option
    obstacle: GuerdonError | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a member is shown, and the accounts it was decided upon."""

    account: Account
    offers: list[Offer]


async def of_member(tx: ReadTx, member: Member) -> Catalogue:
    """Every option that ``member`` is to see, in the order they are shown."""
    namespace = member.namespace
    now = clock.now()
    offered = await options.page(tx, namespace, archived=False, limit=_MOST_OPTIONS, after=None)
    account = await ledger.account(tx, member.slot, member.member_id)
    usage = await options.usage(tx, offered)
    standings = await providers.standing(tx, {namespace})
    limited = [option for option in offered if eligibility.needs_member_counts(option)]
    counted = await transactions.counts(
        tx,
        member.slot,
        [
            (
                member.member_id,
                option.name,
                ids.first_id_at(eligibility.period_start(option, now)),
            )
            for option in limited
        ],
    )
    used = {option.name: counts for option, counts in zip(limited, counted, strict=True)}
    shown: list[Offer] = []
    for option in offered:
        if not option.enabled or _over(option, now):
            continue
        left = usage[namespace, option.name].left
        obstacle = _obstacle(option, member, now, used.get(option.name, (0, 0)), left)
        if isinstance(obstacle, LimitReached):
            obstacle.facts["resetsAt"] = await _resets(tx, option, member, used.get(option.name))
        if _hidden(option, obstacle):
            continue
        standing = standings[option.provider_id]
        if obstacle is None and standing.blocked is not None:
            obstacle = ProviderUnavailable("This reward is unavailable for the moment.")
        least = option.price if option.price is not None else option.min_tokens
        assert least is not None, "an option has a price or a range"
        if obstacle is None and account.available < least:
            missing = least - account.available
            obstacle = InsufficientTokens(f"{missing} more tokens are needed.", missing=missing)
        shown.append(Offer(option, obstacle))
    return Catalogue(account, shown)


async def _resets(
    tx: ReadTx, option: Option, member: Member, used: tuple[int, int] | None
) -> str | None:
    """When the member may redeem it again, if all that stands against it is a period."""
    limits = option.limits
    period = limits.per_member_period
    if used is None or period is None or used[1] < period.count:
        return None
    if limits.per_member is not None and used[0] >= limits.per_member:
        return None
    use = await histories.nth_use(tx, member.slot, member.member_id, option.name, period.count)
    return None if use is None else clock.rfc3339(use + timedelta(days=period.days))


def _over(option: Option, now: datetime) -> bool:
    """Closed for good: nothing to look forward to."""
    window = option.window
    return window is not None and window.closes is not None and now >= window.closes


def _hidden(option: Option, obstacle: GuerdonError | None) -> bool:
    if isinstance(obstacle, NotEligible):
        return not option.show_when_blocked
    return isinstance(obstacle, LimitReached) and not option.show_when_used_up


def _obstacle(
    option: Option, member: Member, now: datetime, used: tuple[int, int], left: int | None
) -> GuerdonError | None:
    """What stands against it, in the order in which a redemption would be refused."""
    closed = eligibility.unavailable(option, now)
    if closed is not None:
        opens = None if option.window is None else option.window.opens
        if opens is not None and now < opens:
            return OptionUnavailable(closed, opensAt=clock.rfc3339(opens))
        return OptionUnavailable(closed)
    if member.frozen:
        return MemberFrozen("Redeeming is not possible for you at present.")
    if not eligibility.in_audience(option, member.attributes):
        said = option.blocked_message
        return NotEligible(said or "This reward is not offered to you.", message=said)
    reached, said = eligibility.member_limit(option, *used), option.used_up_message
    if reached is not None:
        return LimitReached(said or reached, reason="member", message=said)
    if left == 0:
        return LimitReached(said or "Sold out.", reason="sold-out", message=said)
    return None
