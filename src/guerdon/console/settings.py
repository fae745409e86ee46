"""Settings: the team and the API keys."""

from collections.abc import Mapping
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from guerdon.access import keys, team
from guerdon.access import store as access
from guerdon.access.operators import ROLES, Role
from guerdon.access.principal import SCOPES, Scope
from guerdon.console.hashing import Hashing
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import InvalidRequest, NotFound
from guerdon.web.parts import Parts

_LONGEST_EMAIL = 320
_MAY: Mapping[Scope, str] = {
    "members": "create, change, credit, charge and erase members",
    "options": "change options, providers and the widget's keys",
    "redeem": "ask for redemptions",
    "read": "read members, options and transactions",
    "operate": "confirm and cancel; see what was sent and answered",
}


class Settings:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages, hashing: Hashing) -> None:
        self._parts = parts
        self._pages = pages
        self._hashing = hashing

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", "/settings/team", self.team, "admin"),
            Page("POST", "/settings/team", self.add_person, "admin"),
            Page("POST", "/settings/team/role", self.set_role, "admin"),
            Page("POST", "/settings/team/password", self.give_password, "admin"),
            Page("POST", "/settings/team/sign-out", self.sign_out, "admin"),
            Page("GET", "/settings/keys", self.keys, "admin"),
            Page("POST", "/settings/keys", self.add_key, "admin"),
            Page("POST", "/settings/keys/revoke", self.revoke_key, "admin"),
        ]

    async def team(self, visit: Visit) -> Response:
        """Who may sign in."""
        return await self._team(visit)

    async def add_person(self, visit: Visit) -> Response:
        """One more, with a password that is shown this once and lets in only to choose another."""
        email, role = visit.field("email"), _role(visit)
        if "@" not in email or len(email) > _LONGEST_EMAIL or not email.isprintable():
            return await self._team(visit, "Type a whole email address.")
        password = team.new_password()
        hashed = await self._hashing.hash_of(password)
        async with self._parts.database.tx() as tx:
            known = {row.email.lower() for row in await team.people(tx, visit.namespace)}
            new = email.lower() not in known
            if new:
                await access.add_operator(
                    tx, visit.namespace, email, role, hashed, password_given=True
                )
                await visit.audit(tx, "operator.created", email, {"role": role})
        if not new:
            return await self._team(visit, f"{email} is in the team already.")
        return await self._team(visit, given=(email, password))

    async def give_password(self, visit: Visit) -> Response:
        """Another one for somebody who forgot theirs; it ends their sessions."""
        identifier = _uuid(visit.field("operator"))
        if identifier == visit.operator.operator_id:
            raise InvalidRequest("Your own is chosen on the page of your account.")
        password = team.new_password()
        hashed = await self._hashing.hash_of(password)
        async with self._parts.database.tx() as tx:
            row = await team.sign_out(tx, visit.namespace, identifier)
            await team.set_password(tx, identifier, hashed, given=True)
            await visit.audit(tx, "operator.password-given", row.email)
        return await self._team(visit, given=(row.email, password))

    async def sign_out(self, visit: Visit) -> Response:
        """Ends every session of somebody; they may sign in again."""
        async with self._parts.database.tx() as tx:
            row = await team.sign_out(tx, visit.namespace, _uuid(visit.field("operator")))
            await visit.audit(tx, "operator.sessions-ended", row.email)
        return self._back(visit, "/settings/team", "signed-out")

    async def set_role(self, visit: Visit) -> Response:
        """Another role, out, or in again; it ends their sessions."""
        role, disabled = _role(visit), visit.field("disabled") == "yes"
        identifier = _uuid(visit.field("operator"))
        try:
            async with self._parts.database.tx() as tx:
                row, was = await team.set_role(
                    tx, visit.namespace, identifier, role, disabled=disabled
                )
                detail = {"before": was, "after": role, "disabled": disabled}
                await visit.audit(tx, "operator.changed", row.email, detail)
        except InvalidRequest as wrong:
            return await self._team(visit, wrong.detail)
        return self._back(visit, "/settings/team", "changed")

    async def keys(self, visit: Visit) -> Response:
        """The API keys: never the keys themselves."""
        return await self._keys(visit)

    async def add_key(self, visit: Visit) -> Response:
        """A fresh key, shown this once."""
        scopes = [scope for scope in SCOPES if scope in visit.form.get("scope", [])]
        label = visit.field("label")[:100]
        if not scopes or not label or not label.isprintable():
            return await self._keys(visit, problem="Give it a name and at least one scope.")
        key = keys.new_key()
        async with self._parts.database.tx() as tx:
            made = await access.add_key(tx, visit.namespace, keys.hash_of(key), scopes, label)
            detail = {"label": label, "scopes": scopes}
            await visit.audit(tx, "key.created", made, detail)
        return await self._keys(visit, fresh=key)

    async def revoke_key(self, visit: Visit) -> Response:
        """Refused everywhere within five seconds."""
        identifier = _uuid(visit.field("key"))
        async with self._parts.database.tx() as tx:
            if not await team.revoke_key(tx, visit.namespace, identifier):
                raise NotFound("There is no such valid key.")
            await visit.audit(tx, "key.revoked", identifier)
        return self._back(visit, "/settings/keys", "revoked")

    async def _team(
        self, visit: Visit, problem: str | None = None, *, given: tuple[str, str] | None = None
    ) -> Response:
        async with self._parts.database.read() as tx:
            people = await team.people(tx, visit.namespace)
        values = {
            "title": "Team and roles",
            "place": "/settings/team",
            "people": people,
            "roles": ROLES,
            "problem": problem,
            "email": visit.field("email") if given is None else "",
            "given": given,
            "done": visit.query("done"),
        }
        status = 200 if problem is None else 422
        return await self._pages.screen(visit, "team.html", values, status=status)

    async def _keys(
        self, visit: Visit, *, problem: str | None = None, fresh: str | None = None
    ) -> Response:
        async with self._parts.database.read() as tx:
            rows = await access.keys(tx, visit.namespace)
        values = {
            "title": "API keys",
            "place": "/settings/keys",
            "rows": rows,
            "scopes": SCOPES,
            "may": _MAY,
            "problem": problem,
            "fresh": fresh,
            "done": visit.query("done"),
        }
        status = 200 if problem is None else 422
        return await self._pages.screen(visit, "keys.html", values, status=status)

    @staticmethod
    def _back(visit: Visit, path: str, done: str) -> Response:
        return RedirectResponse(visit.url(path, {"done": done}), status_code=303)


def _role(visit: Visit) -> Role:
    role = next((role for role in ROLES if role == visit.field("role")), None)
    if role is None:
        raise InvalidRequest(f"A role is one of {', '.join(ROLES)}.")
    return role


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as trouble:
        raise NotFound("There is nothing of this ID.") from trouble
