"""Cases: what people must look at again after a transaction was closed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from guerdon_client import calls
from guerdon_client.calls import Call
from guerdon_client.endpoints import Driver, Resource, endpoint, iteration
from guerdon_client.reading import Page, one, page_of

Choice = Literal["leave", "grant", "charge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """News contradicts a closed transaction, its member complains of it, or both.

    ``choice`` is how it was closed.
    """

    transaction_id: str
    opened_at: datetime
    complained_at: datetime | None
    contradicted_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    choice: Choice | None

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to look at it."""
        return self.closed_at is None


class Cases(Resource[Driver]):
    """The queue of cases (scope ``read``), and closing them (``operate``)."""

    @endpoint
    def page(
        self, *, closed: bool = False, limit: int | None = None, cursor: str | None = None
    ) -> Call[Page[Case]]:
        """One page of the open cases, oldest redemption first; or of the ``closed``, newest first.

        ``limit`` is 1 to 200, by default 50.
        """
        chosen = (("closed", "true" if closed else None), ("limit", limit), ("cursor", cursor))
        return calls.getting("/v1/cases", page_of(Case), chosen)

    iterate = iteration(
        page.call, "iterate", "All open cases, or all ``closed`` ones, ``limit`` of them a page."
    )

    @endpoint
    def resolve(self, transaction_id: str, choice: Choice, reason: str) -> Call[Case]:
        """Closes the case of a transaction.

        ``leave`` moves nothing. ``grant`` gives the tokens of a success back, ``charge`` takes
        those of a failure after all: once a transaction, and with the scope ``members`` too.
        Raises ``TransactionNotFound``, ``NotOpen``, ``NotOffered``, ``InsufficientTokens``,
        ``SecondPersonRequired``. Not sent again after a lost answer: look at the case then.
        """
        where = calls.path("v1", "transactions", transaction_id, "resolve")
        return calls.posting(where, one(Case), {"choice": choice, "reason": reason})
