"""The chart of accounts, and which movement may go between which.

A member has two accounts, *available* and *held*; a programme has *issued*, *redeemed* and
*adjusted*, which are sums over the postings and no rows of their own: a row that every redemption
updates would serialise them all.
"""

from enum import StrEnum


class Movement(StrEnum):
    """Why an amount moves. The five are the whole vocabulary of the ledger."""

    ISSUE = "issue"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    ADJUST = "adjust"


class Place(StrEnum):
    """Where tokens can be."""

    AVAILABLE = "available"
    HELD = "held"
    ISSUED = "issued"
    REDEEMED = "redeemed"
    ADJUSTED = "adjusted"


OPENING, CLOSING, CORRECTING = 0, 1, 2

# The byte that stands for a movement in the hash of a posting. Never renumber: hashes are for ever.
CODE = {
    (Movement.ISSUE, Place.ISSUED, Place.AVAILABLE): 1,
    (Movement.HOLD, Place.AVAILABLE, Place.HELD): 2,
    (Movement.CAPTURE, Place.HELD, Place.REDEEMED): 3,
    (Movement.RELEASE, Place.HELD, Place.AVAILABLE): 4,
    (Movement.ADJUST, Place.AVAILABLE, Place.ADJUSTED): 5,
    (Movement.ADJUST, Place.ADJUSTED, Place.AVAILABLE): 6,
}
