"""The provider that is built in, for test programmes: its addresses, and the ways it can answer.

An address is ``sandbox:`` and a way, such as ``sandbox:gives``. It is no URL that anything dials:
whoever does not know it refuses it. On its way out it gets the provider's ID, because the provider
that is built in answers for many and must know whose secrets to use.
"""

from collections.abc import Mapping
from uuid import UUID

SCHEME = "sandbox:"
_WITHIN = "sandbox://"

# Each way to answer, and what becomes of the transaction.
BEHAVIOURS: Mapping[str, str] = {
    "gives": "Gives a voucher at once: success.",
    "ok": "A bare 200: success.",
    "later": "201, and a signed callback seconds later: postponed, success.",
    "later-refuses": "202, then a callback that says failure.",
    "original": "201, then the original product's callback.",
    "postpones": "201 and nothing more: waits for a person.",
    "refuses": "Says failure: the tokens go back.",
    "unsure": "Says recoverable-failure: a person decides.",
    "misspells": "A status that is none of the four: unknown, and an alarm.",
    "slow": "Takes three seconds, then success.",
    "silent": "Gives the reward and never answers: unknown.",
    "cuts": "Cuts its answer: unknown.",
    "redirects": "A redirect is never followed.",
    "bad-request": "400 without a word: held for a person.",
    "conflict": "409 often means already done: unknown.",
    "busy": "429: tried again later.",
    "broken": "500: the reward may have been given.",
    "busy-once": "429 the first time, then success: one retry.",
    "calls-first": "Calls back success before it answers; then says it again.",
    "resets": "Resets the connection without an answer: unknown.",
    "malformed": "200 with half a JSON: the code decides, or nothing does.",
    "wrong-id": "Says success of another transaction: unknown, and an alarm.",
    "unavailable": "503: the reward may have been given.",
    "gone": "410: held for a person, and the provider is paused.",
}


def built_in(url: str) -> bool:
    """Whether an address is of the provider that is built in."""
    return url.startswith(SCHEME)


def why_not(url: str, *, test: bool) -> str | None:
    """What is wrong with such an address in a programme that is a ``test`` one or not."""
    if not test:
        return "must start with https://: the provider that is built in is for test programmes"
    if url.removeprefix(SCHEME) not in BEHAVIOURS:
        return f"must be {SCHEME} and one of {', '.join(BEHAVIOURS)}"
    return None


def outward(url: str, provider_id: UUID) -> str:
    """An address as it goes out: one that is built in says whose it is, others stay."""
    if not built_in(url):
        return url
    return f"{_WITHIN}{provider_id}/{url.removeprefix(SCHEME)}"


def path_within(url: str) -> str | None:
    """Of an address that goes out: the path at the provider that is built in, if it is its."""
    return "/" + url.removeprefix(_WITHIN) if url.startswith(_WITHIN) else None
