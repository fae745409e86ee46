"""Operators: the people who sign in to the console, their roles, and what a role may."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Role = Literal["viewer", "support", "manager", "admin"]
Right = Literal["read", "operate", "options", "members", "bulk", "personal", "admin"]

# Each role has the rights of the one before it, and more.
ROLES: tuple[Role, ...] = ("viewer", "support", "manager", "admin")
RIGHTS: Mapping[Role, frozenset[Right]] = {
    "viewer": frozenset({"read"}),
    "support": frozenset({"read", "operate"}),
    "manager": frozenset({"read", "operate", "options", "members", "bulk", "personal"}),
    "admin": frozenset({"read", "operate", "options", "members", "bulk", "personal", "admin"}),
}


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who is signed in, in one namespace. ``password_given``: by a password that somebody
    else gave them, so they choose one before anything else. ``test``: the namespace is a test one.
    """

    operator_id: UUID
    namespace: str
    email: str
    role: Role
    password_given: bool = False
    test: bool = False

    @property
    def actor(self) -> str:
        """How histories and the audit trail name them."""
        return f"operator:{self.email}"

    def may(self, right: Right) -> bool:
        """Whether their role has this right."""
        return right in RIGHTS[self.role]


def least_role(right: Right) -> Role:
    """The first role that has a right: whom to ask for it."""
    return next(role for role in ROLES if right in RIGHTS[role])
