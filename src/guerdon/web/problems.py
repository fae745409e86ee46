"""Problem documents (RFC 9457), and the one table from code to HTTP status."""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from guerdon.errors import GuerdonError

TYPE_PREFIX = "https://guerdon.dev/problems/"

STATUS_BY_CODE: Mapping[str, int] = {
    "malformed-request": 400,
    "unauthenticated": 401,
    "not-permitted": 403,
    "not-found": 404,
    "option-not-found": 404,
    "member-not-found": 404,
    "transaction-not-found": 404,
    "method-not-allowed": 405,
    "insufficient-tokens": 409,
    "option-unavailable": 409,
    "limit-reached": 409,
    "not-eligible": 409,
    "member-frozen": 409,
    "price-changed": 409,
    "conformance-required": 409,
    "already-final": 409,
    "sending": 409,
    "not-open": 409,
    "not-offered": 409,
    "not-idempotent": 409,
    "second-person-required": 409,
    "open-transactions": 409,
    "live-namespace": 409,
    "member-erased": 410,
    "precondition-failed": 412,
    "too-large": 413,
    "unsupported-media-type": 415,
    "invalid-request": 422,
    "idempotency-key-reused": 422,
    "webhook-id-reused": 422,
    "too-many-requests": 429,
    "internal": 500,
    "provider-unavailable": 503,
    "unavailable": 503,
}


def document(error: GuerdonError, request_id: str) -> dict[str, object]:
    """The problem as JSON: never SQL, a stack or a path, because ``detail`` is ours alone."""
    return {
        "type": TYPE_PREFIX + error.code,
        "title": error.code.replace("-", " ").capitalize(),
        "status": STATUS_BY_CODE[error.code],
        "code": error.code,
        "detail": error.detail,
        "requestId": request_id,
        **error.facts,
    }


def response(error: GuerdonError, request_id: str) -> Response:
    """The problem as an answer, with the headers that belong to it."""
    headers = {"Cache-Control": "no-store"}
    retry_after = error.facts.get("retryAfter")
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if error.code == "unauthenticated":
        headers["WWW-Authenticate"] = "Bearer"
    if error.code == "method-not-allowed":
        headers["Allow"] = str(error.facts.get("allow", ""))
    return Response(
        msgspec.json.encode(document(error, request_id)),
        status_code=STATUS_BY_CODE[error.code],
        media_type="application/problem+json",
        headers=headers,
    )
