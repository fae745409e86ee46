"""A model of redemptions, written from the specification: it shares no code with the real thing."""

from dataclasses import dataclass, field
from uuid import UUID

OPEN = ("pending", "postponed", "recoverable-failure")
MOVES = {"S": "success", "F": "failure", "P": "postponed", "U": "recoverable-failure"}
MOST_RETRIES = 5


@dataclass
class Redemption:
    """What the model knows of a transaction. ``owed``: the state of its message."""

    user_id: str
    price: int
    deadline: bool
    status: str = "pending"
    owed: str | None = "queued"
    attempts: int = 0
    after_n: int = 0
    after_u: int = 0
    dirty: bool = False
    acknowledged: bool = False
    resent: bool = False
    due: bool = False
    conflict: bool = False
    said: set[str] = field(default_factory=set)
    case: str | None = None
    complained: bool = False
    corrected: bool = False


@dataclass
class Purse:
    """What the model knows of a member: tokens, and every movement of them."""

    available: int = 0
    held: int = 0
    redeemed: int = 0
    statement: list[tuple[str, int]] = field(default_factory=list)


class Model:
    """The specification, once more and briefly."""

    def __init__(self, *, idempotent: bool, refunds: bool, calls_back: bool) -> None:
        self.idempotent = idempotent
        self.refunds = refunds
        self.calls_back = calls_back
        self.purses: dict[str, Purse] = {}
        self.redemptions: dict[UUID, Redemption] = {}

    def hear(self, t: Redemption, news: str, source: str = "reply") -> str:
        """``moves``, ``stays`` or ``conflict``. A callback that says it again says nothing new."""
        if t.status not in OPEN:
            if MOVES[news] in ("success", "failure") and MOVES[news] != t.status:
                t.conflict = True
                if source == "reply" or source not in t.said:
                    t.case = "open"
                t.said.add(source)
                return "conflict"
            return "stays"
        if MOVES[news] == t.status or (news == "U" and t.status != "pending"):
            return "stays"
        self.move(t, MOVES[news])
        return "moves"

    def move(self, t: Redemption, to: str) -> None:
        t.status = to
        t.acknowledged = False
        t.due = to == "postponed" and t.deadline
        if t.owed == "queued":
            t.owed = None
        purse = self.purses[t.user_id]
        if to == "success":
            purse.held -= t.price
            purse.redeemed += t.price
            purse.statement.append(("capture", t.price))
        elif to == "failure":
            purse.held -= t.price
            purse.available += t.price
            purse.statement.append(("release", t.price))

    def resend(self, t: Redemption) -> str | None:
        """An operator has the provider asked again; answers why not."""
        if t.status not in OPEN:
            return "not-open"
        if t.status == "pending" or t.owed is not None:
            return "sending"
        if not self.idempotent:
            return "not-idempotent"
        t.owed, t.resent = "queued", True
        return None

    def complain(self, t: Redemption) -> str | None:
        """The member says that it did not come; answers why they may not."""
        if t.status == "pending":
            return "sending"
        if t.status == "failure":
            return "not-open"
        if not t.complained:
            t.complained, t.case = True, "open"
        return None

    def resolve(self, t: Redemption, choice: str) -> str | None:
        """A case is closed; answers why it may not be, like this."""
        if t.case != "open":
            return "not-open"
        lawful = {"success": "grant", "failure": "charge"}.get(t.status)
        if choice != "leave":
            if t.corrected or choice != lawful:
                return "not-offered"
            purse = self.purses[t.user_id]
            if choice == "charge" and purse.available < t.price:
                return "insufficient-tokens"
            purse.available += t.price if choice == "grant" else -t.price
            purse.statement.append(("adjust", t.price))
            t.corrected = True
        t.case = "closed"
        return None

    def attempt_ends(self, t: Redemption, evidence: str) -> None:
        """The attempt that is on the wire comes to its end."""
        t.dirty = t.dirty or evidence == "U"
        t.owed = None
        if t.status == "pending" and self._again(t, evidence):
            t.owed = "queued"
            return
        self.conclude(t, evidence)
        t.resent = False

    def _again(self, t: Redemption, evidence: str) -> bool:
        if evidence == "N" and t.after_n < MOST_RETRIES:
            t.after_n += 1
            return True
        if evidence == "U" and self.idempotent and t.after_u < MOST_RETRIES:
            t.after_u += 1
            return True
        return False

    def late_answer(self, t: Redemption, evidence: str) -> None:
        """An answer of an attempt that was given up already."""
        if evidence not in "NU":
            self.conclude(t, evidence)

    def conclude(self, t: Redemption, evidence: str) -> None:
        if evidence == "S" and self.calls_back:
            if t.status == "pending":
                t.acknowledged = t.due = True
            if t.owed == "queued":
                t.owed = None
        elif evidence in "SP":
            self.hear(t, evidence)
        elif t.status == "pending" or not self.sent_again(evidence):
            self.hear(t, "F" if self.certain(t, evidence) else "U")

    def sent_again(self, evidence: str) -> bool:
        """Whether it would be, were it still pending: then it says nothing of one that is not."""
        return evidence == "N" or (evidence == "U" and self.idempotent)

    def certain(self, t: Redemption, evidence: str) -> bool:
        """Whether the reward was certainly not given."""
        if evidence == "F":
            return not t.dirty or self.idempotent
        if evidence == "R":
            return self.refunds and not t.dirty and not t.resent
        return evidence == "N" and not t.dirty
