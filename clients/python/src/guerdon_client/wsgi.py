"""A provider's receiving end as a WSGI application (PEP 3333): Flask, Django, gunicorn, …"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from guerdon_client.receiving import (
    LARGEST_MESSAGE,
    Answer,
    Decision,
    Message,
    Reception,
    answer,
)
from guerdon_client.signatures import Secrets

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


class WSGIReceiver:
    """Answers Guerdon's messages with what ``give`` decides.

    ``secrets``: the provider's signing secret, or both while it is rotated. ``authorization``: the
    provider's ``authorizationHeader``, if it has one. ``give`` is called with each authentic
    message, from several threads if the server has them, and may be called again with a
    ``transaction_id`` that it knows. What it raises is the server's to log: a 500 means that
    nobody knows whether the reward was given, so the tokens stay held.
    """

    def __init__(
        self,
        secrets: Secrets,
        give: Callable[[Message], Decision],
        *,
        authorization: str | None = None,
    ) -> None:
        self._reception = Reception(secrets, authorization)
        self._give = give

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answers one request."""
        taken = self._reception.take(environ["REQUEST_METHOD"], _headers(environ), _body(environ))
        said = taken if isinstance(taken, Answer) else answer(self._give(taken))
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(said.body)),
            **said.headers,
        }
        start_response(f"{said.status} {HTTPStatus(said.status).phrase}", [*headers.items()])
        return [said.body]


def _headers(environ: "WSGIEnvironment") -> dict[str, str]:
    return {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }


def _body(environ: "WSGIEnvironment") -> bytes:
    """Up to one byte more than a message may have."""
    length = environ.get("CONTENT_LENGTH") or "0"
    asked = int(length) if length.isascii() and length.isdigit() else 0
    whole: bytes = environ["wsgi.input"].read(min(asked, LARGEST_MESSAGE + 1))
    return whole
