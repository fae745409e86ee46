"""The API as it describes itself: the document, the page, and whether both tell the truth."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.conftest import Api
from tests.integration.api_parts import furnished, refused

from guerdon.api import doors
from guerdon.app import Running
from guerdon.web.problems import STATUS_BY_CODE

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 16


@pytest.fixture
async def document(api: Api) -> Any:
    answer = await api.call("GET", "/openapi.json", headers={"Authorization": ""})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    return answer.body


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


async def test_the_document_is_openapi_3_1_and_has_every_route(
    document: Any, guerdon: Running
) -> None:
    assert document["openapi"].startswith("3.1")
    table = doors.table(guerdon.parts)
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert described == {(route.method, route.path) for route in table}
    operations = [o for methods in document["paths"].values() for o in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for route in table:
        operation = document["paths"][route.path][route.method.lower()]
        named = {(p["in"], p["name"]) for p in operation["parameters"]}
        in_path = set(re.findall(r"\{(\w+)\}", route.path))
        assert {name for where, name in named if where == "path"} == in_path
        assert {name for where, name in named if where == "query"} == set(route.query)
        assert (("header", "Idempotency-Key") in named) is route.keyed
        assert ("security" in operation) is bool(route.scopes)
        for code in route.codes:
            assert code in operation["responses"][str(STATUS_BY_CODE[code])]["description"]
    for reference in references(document):
        _, _, kind, name = reference.split("/")
        assert name in document["components"][kind]
    schemathesis.openapi.from_dict(document).validate()


async def test_the_api_does_what_the_document_says(api: Api, document: Any) -> None:
    """Generated requests, the same in every run, against the served document."""
    base = str(api._session._base_url).rstrip("/")
    async with furnished(api) as shop:
        made = await shop.postponed("ann")
        known = {"userId": "ann", "name": shop.name, "optionName": shop.name, "n": "1"}
        known |= {"kind": "secretKey", "providerId": shop.provider["id"]}
        owners = {"providers": shop.provider["id"], "transactions": made}
        await asyncio.to_thread(probe, document, base, api.key, known, owners)


def probe(
    document: Any, base: str, key: str, known: dict[str, str], owners: dict[str, str]
) -> None:
    """Outside the event loop, which has to answer. Every other path names what is there."""
    # NDJSON is nothing that can be generated; the batch has tests of its own.
    schema = schemathesis.openapi.from_dict(document).exclude(path="/v1/members/batch")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == sum(len(methods) for methods in document["paths"].values()) - 1
    succeeded = []
    for operation in operations:
        values = {**known, "id": owners.get(f"{operation.path}//".split("/")[2], "")}
        statuses = seen_of(document, operation, base, key, values)
        if min(statuses) < 300:
            succeeded.append(operation.label)
    assert len(succeeded) > 20, succeeded


def seen_of(document: Any, operation: Any, base: str, key: str, values: dict[str, str]) -> set[int]:
    """The statuses that generated requests to one operation were answered with."""
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), names_known=booleans())
    def one(case: schemathesis.Case, names_known: bool) -> None:
        if names_known and case.method != "DELETE":
            for name in list(case.path_parameters):
                case.path_parameters[name] = values[name]
        answer = case.call_and_validate(
            base_url=base, headers={"Authorization": f"Bearer {key}"}, checks=CHECKS
        )
        described = operation.definition.raw["responses"][str(answer.status_code)]
        came = {name.lower() for name in answer.headers}
        told = {name for name in document["components"]["headers"] if name.lower() in came}
        assert told <= described["headers"].keys(), (operation.label, answer.status_code)
        always = described["headers"].keys() - {"Idempotent-Replayed", "Retry-After"}
        assert always <= told, (operation.label, answer.status_code)
        statuses.add(answer.status_code)

    one()
    return statuses


async def test_the_page_reads_itself_and_nothing_from_elsewhere(api: Api, document: Any) -> None:
    page = await api.call("GET", "/docs", headers={"Authorization": ""})
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(
        part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'self'"
    assert "script-src" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    text = page.body.decode()
    assert "<script" not in text
    assert not re.search(r"\son\w+=", text)
    linked = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert all(not urlsplit(link).netloc for link in linked)
    anchors = {link[1:] for link in linked if link.startswith("#")}
    assert all(f'id="{anchor}"' in text for anchor in anchors)
    for path, methods in document["paths"].items():
        assert path in text
        assert {operation["operationId"] for operation in methods.values()} <= anchors
    files = {link for link in linked if not link.startswith("#")}
    assert files == {"docs.css", "openapi.json"}
    style = await api.call("GET", "/docs.css", headers={"Authorization": ""})
    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert b"url(" not in style.body
    assert b"@import" not in style.body


async def test_health_readiness_and_metrics(api: Api) -> None:
    nobody = {"Authorization": ""}
    health = await api.call("GET", "/healthz", headers=nobody)
    assert (health.status, health.body["status"]) == (200, "ok")
    assert (await api.call("GET", "/readyz", headers=nobody)).body == {"status": "ready"}
    for wrong in ("", "Bearer wrong", "Basic metrics", f"Bearer {api.key}", "metrics"):
        answer = await api.call("GET", "/metrics", headers={"Authorization": wrong})
        refused(answer, 401, "unauthenticated")
    right = await api.call("GET", "/metrics", headers={"Authorization": "Bearer metrics"})
    assert right.status == 200
    assert right.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"# HELP" in right.body


async def test_every_problem_is_in_the_document(document: Any) -> None:
    said = json.dumps(document)
    # Those belong to no operation: a method that there is not, and the widget's.
    elsewhere = {"method-not-allowed", "member-erased"}
    assert {code for code in STATUS_BY_CODE if f"/{code}`" not in said} <= elsewhere
