"""Who asks, and what they may."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from guerdon.errors import NotPermitted

Scope = Literal["members", "options", "redeem", "read", "operate"]
SCOPES: tuple[Scope, ...] = ("members", "options", "redeem", "read", "operate")


@dataclass(frozen=True, slots=True)
class Principal:
    """An API key's holder: one namespace, some scopes. ``actor`` names them in histories; ``test``
    tells of the namespace, which stays what it was made as.

    ``per_minute``: how many requests the key may send, if not as many as it likes.
    """

    key_id: UUID
    namespace: str
    scopes: frozenset[str]
    actor: str
    test: bool = False
    per_minute: int | None = None

    def require(self, *scopes: Scope) -> None:
        """``NotPermitted`` unless one of ``scopes`` is held."""
        if self.scopes.isdisjoint(scopes):
            raise NotPermitted(
                f"This key lacks the scope {' or '.join(scopes)}.", scope=" ".join(scopes)
            )
