"""One request to the console: who is there, what they brought, and the proof that it is theirs.

A form carries a token bound to the session (a fresh nonce and an HMAC of it under the cookie), so
that another site cannot make one; the Origin header is checked as well. No GET changes anything.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from guerdon import clock, ids
from guerdon.access import store as access
from guerdon.access.operators import RIGHTS, Operator, Right, least_role
from guerdon.console import moments
from guerdon.console.moments import Zone
from guerdon.db.pool import Tx
from guerdon.errors import InvalidRequest, MalformedRequest, NotFound, NotPermitted
from guerdon.web.door import LARGEST_BODY, read_bounded

# A cookie of this prefix cannot be set by another host or over plain HTTP; browsers take it only
# over https.
SECURE_COOKIE, PLAIN_COOKIE = "__Host-guerdon", "guerdon"
ZONE_COOKIE, LOCAL_ZONE_COOKIE = "guerdon-zone", "guerdon-local-zone"
_MAC_LENGTH = 32
_A_YEAR = 365 * 86_400

RIGHT_NAMES: Mapping[Right, str] = {
    "read": "look at this programme",
    "operate": "confirm and cancel transactions and write notes",
    "options": "change options and providers",
    "members": "change members and adjust tokens",
    "bulk": "decide many transactions at once and share views",
    "personal": "see and export personal data",
    "admin": "change settings, keys and people",
}


class Visit:
    """A request on its way through a page's handler."""

    def __init__(self, request: Request, operator: Operator | None, cookie: str) -> None:
        self.request = request
        self.request_id = str(ids.random_id())
        self.now = clock.now()
        self.base: str = request.scope.get("root_path", "")
        self.fragment = request.headers.get("hx-request") == "true"
        self._operator = operator
        self._cookie = cookie
        self._form: dict[str, list[str]] = {}
        self.zone = _zone(request)

    @property
    def operator(self) -> Operator:
        """Who is signed in; only for pages that ask for a right."""
        assert self._operator is not None, "the page asks for a right"
        return self._operator

    @property
    def signed_in(self) -> bool:
        return self._operator is not None

    @property
    def cookie(self) -> str:
        return self._cookie

    @property
    def namespace(self) -> str:
        return self.operator.namespace

    @property
    def address(self) -> str | None:
        """The address that the request came from."""
        return self.request.client.host if self.request.client else None

    async def audit(
        self, tx: Tx, action: str, target: object, detail: Mapping[str, object] | None = None
    ) -> None:
        """Writes into the audit trail what who is signed in did to what."""
        await access.audit(
            tx,
            namespace=self.namespace,
            actor=self.operator.actor,
            action=action,
            target=str(target),
            detail=dict(detail or {}),
            address=self.address,
        )

    @property
    def rights(self) -> frozenset[Right]:
        return RIGHTS[self.operator.role]

    def require(self, right: Right) -> None:
        """``NotPermitted`` in words: what is missing, and who has it."""
        if not self.operator.may(right):
            raise NotPermitted(
                f"Your role is {self.operator.role}. To {RIGHT_NAMES[right]} takes the role "
                f"{least_role(right)}: an admin of this programme can give it to you.",
                scope=right,
            )

    def url(self, path: str, parameters: Mapping[str, object] | None = None) -> str:
        """A path of the console as the browser must ask for it."""
        given = {k: v for k, v in (parameters or {}).items() if v is not None}
        return self.base + path + (f"?{urlencode(given, doseq=True)}" if given else "")

    @property
    def here(self) -> str:
        """The page being asked for, with its query, without the base path."""
        query = self.request.url.query
        return self.path + (f"?{query}" if query else "")

    @property
    def path(self) -> str:
        full: str = self.request.scope["path"]
        return full.removeprefix(self.base) or "/"

    def query(self, name: str) -> str | None:
        """The first value of a parameter that is not empty."""
        return next((value for value in self.request.query_params.getlist(name) if value), None)

    def query_identifier(self, name: str) -> UUID | None:
        """A UUID from the query, if there is one."""
        try:
            return UUID(self.query(name) or "")
        except ValueError:
            return None

    def identifier(self, name: str) -> UUID:
        """A UUID from the path; what is none cannot be there."""
        text = self.request.path_params[name]
        try:
            return UUID(text)
        except ValueError as trouble:
            raise NotFound("There is nothing at this address.") from trouble

    async def read_form(self) -> None:
        """Takes a form in, and refuses one that did not come from our own page."""
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise MalformedRequest("A form is expected here.")
        text = (await read_bounded(self.request, LARGEST_BODY)).decode("utf-8", "replace")
        for name, value in parse_qsl(text, keep_blank_values=True):
            self._form.setdefault(name, []).append(value.replace("\r\n", "\n"))
        self._check_origin()
        if self._operator is not None and not self._is_ours(self.field("csrf")):
            raise NotPermitted("This form was not made for your session. Load the page again.")

    def field(self, name: str) -> str:
        """The first value of a form's field, trimmed; empty where it is not there."""
        return self._form.get(name, [""])[0].strip()

    @property
    def form(self) -> Mapping[str, list[str]]:
        """Every field of a form with its values, as they were typed."""
        return self._form

    def secret(self, name: str) -> str:
        """A field as it was typed: passwords are not trimmed."""
        return self._form.get(name, [""])[0]

    def integer(self, name: str, *, lowest: int, highest: int) -> int:
        """A whole number from a form."""
        return whole_number(name, self.field(name), lowest=lowest, highest=highest)

    def csrf(self) -> str:
        """A token for one page's forms."""
        nonce = ids.secret_bytes(16).hex()
        return nonce + self._mac(nonce)

    def _is_ours(self, token: str) -> bool:
        nonce, mac = token[:-_MAC_LENGTH], token[-_MAC_LENGTH:]
        return hmac.compare_digest(mac.encode(), self._mac(nonce).encode())

    def _mac(self, nonce: str) -> str:
        key = hashlib.sha256(b"guerdon-form" + self._cookie.encode()).digest()
        return hmac.new(key, nonce.encode(), "sha256").hexdigest()[:_MAC_LENGTH]

    def _check_origin(self) -> None:
        headers = self.request.headers
        origin = headers.get("origin")
        foreign = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if origin is not None:
            foreign = foreign or urlsplit(origin).netloc != headers.get("host", "")
        if foreign:
            raise NotPermitted("This form came from another site.")

    def remember_zone(self, response: Response) -> None:
        """Keeps a zone that was chosen on this page for the next ones."""
        if self.query("tz") is not None:
            response.set_cookie(
                ZONE_COOKIE, self.zone.choice, max_age=_A_YEAR, path="/", samesite="lax"
            )

    def over_https(self) -> bool:
        """Whether the browser came over https, as far as the request tells."""
        origin = self.request.headers.get("origin", "")
        return self.request.url.scheme == "https" or origin.startswith("https://")


def whole_number(name: str, typed: str, *, lowest: int, highest: int) -> int:
    """A whole number as it was typed into the field of that name."""
    text = typed.replace(",", "")
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20):
        raise InvalidRequest(
            "A whole number is needed.",
            errors=[{"pointer": f"/{name}", "detail": "must be a whole number"}],
        )
    if not lowest <= int(text) <= highest:
        detail = f"must be {lowest:,} to {highest:,}"
        raise InvalidRequest(
            f"The number {detail}.", errors=[{"pointer": f"/{name}", "detail": detail}]
        )
    return int(text)


def session_cookie(request: Request) -> str:
    """The session's cookie, or nothing. Over https the plain name is not believed."""
    secure = request.cookies.get(SECURE_COOKIE)
    if secure is not None or request.url.scheme == "https":
        return secure or ""
    return request.cookies.get(PLAIN_COOKIE, "")


def local_path(text: str) -> str:
    """A path to go to after signing in: one of ours, or the start page."""
    if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable():
        return text
    return "/"


def _zone(request: Request) -> Zone:
    choice = request.query_params.get("tz") or request.cookies.get(ZONE_COOKIE)
    local = request.cookies.get(LOCAL_ZONE_COOKIE, "").replace("%2F", "/")
    return moments.zone(choice, local)
