"""Examples in the documents are run: requests to a real server, samples as they stand."""

import json
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.conftest import Api
from tests.house.documents import blocks, page

from guerdon.access import tokens
from guerdon.access.tokens import PublicKey, Terms
from guerdon.demo.fake import FakeProvider
from guerdon.errors import Unauthenticated
from guerdon.providers import signing

VOLATILE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z|whsec_.+"
)


def same_shape(told: Any, came: Any, known: dict[str, str]) -> bool:
    """Whether an answer is the one that is told; IDs are learnt, times and durations differ."""
    if isinstance(told, dict):
        return told.keys() == came.keys() and all(
            name == "durationMs" or same_shape(told[name], came[name], known) for name in told
        )
    if isinstance(told, list):
        pairs = zip(told, came, strict=True)
        return all(same_shape(one, other, known) for one, other in pairs)
    if isinstance(told, str) and VOLATILE.fullmatch(told):
        return bool(VOLATILE.fullmatch(came)) and known.setdefault(told, came) is not None
    return bool(told == came)


@pytest.fixture
async def postponing() -> AsyncIterator[FakeProvider]:
    """A provider that postpones everything, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    provider = FakeProvider(port, default="postpones")
    await provider.start()
    yield provider
    await provider.close()


async def test_the_examples_of_the_api_answer_as_told(api: Api, postponing: FakeProvider) -> None:
    told_url, url = "https://rewards.example.com/redeem", f"http://127.0.0.1:{postponing.port}/"
    known = {told_url: url}
    examples = blocks(page("docs/api.md"), "http")
    assert len(examples) > 5
    for example in examples:
        for told, real in known.items():
            example = example.replace(told, real)
        request, answer = example.split("\n\n")
        line, *rest = request.split("\n")
        key = next((one.partition(": ")[2] for one in rest if one.startswith("Idemp")), None)
        sent = "\n".join(one for one in rest if not one.startswith("Idemp"))
        status, _, text = answer.partition("\n")
        body, expected = json.loads(sent) if sent else None, json.loads(text)
        method, path = line.split()
        came = await api.call(method, path, body, key=key)
        while method == "GET" and came.body.get("status") == "pending" != expected["status"]:
            came = await api.call(method, path)
        assert came.status == int(status), f"{line}: {came.body}"
        assert same_shape(expected, came.body, known), f"{line}\n{json.dumps(came.body)}"


def samples(name: str) -> dict[str, Any]:
    """The functions of a page's Python samples."""
    found: dict[str, Any] = {}
    for sample in blocks(page(name), "python"):
        exec(compile(sample, name, "exec"), found)
    return found


def test_the_receivers_sample_knows_our_signatures() -> None:
    is_from_guerdon: Callable[[str, dict[str, str], bytes], bool] = samples("docs/providers.md")[
        "is_from_guerdon"
    ]
    current, previous, strange = (signing.new_secret() for _ in range(3))
    now, body = int(time.time()), b'{"event":"redeem.static"}'
    headers = signing.sign([current, previous], "a-transaction", now, body)
    assert is_from_guerdon(current, headers, body)
    assert is_from_guerdon(previous, headers, body)
    assert not is_from_guerdon(strange, headers, body)
    assert not is_from_guerdon(current, headers, body + b" ")
    assert not is_from_guerdon(current, headers | {"webhook-id": "another"}, body)
    old = signing.sign([current], "a-transaction", now - 600, body)
    assert not is_from_guerdon(current, old, body)


def test_the_callbacks_sample_is_believed_here() -> None:
    secret, body = signing.new_secret(), b'{"transactionId":"t","status":"success"}'
    headers = samples("docs/providers.md")["callback_headers"](secret, body)
    now = int(time.time())
    assert signing.verify([secret], headers, body, now) == headers["webhook-id"]
    assert signing.verify([signing.new_secret()], headers, body, now) is None


def test_the_hosts_sample_makes_tokens_that_are_believed() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()
    shown = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key, now = PublicKey("ES256", None, shown.decode()), int(time.time())
    made = tokens.take_apart(samples("docs/widget.md")["member_token"](pem, "ada", "1"))
    assert made.namespace == "1"
    assert tokens.subject(made, [key], Terms(None, None), now) == "ada"
    with pytest.raises(Unauthenticated):
        tokens.subject(made, [key], Terms(None, None), now + 1000)
