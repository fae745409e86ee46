"""The provider that is built in: its addresses, and that it can answer in every way it names."""

from uuid import UUID

import pytest

from guerdon.errors import InvalidRequest
from guerdon.providers import egress, sandbox
from guerdon.providers.model import Settings
from guerdon.sandbox.receiver import REPLIES

WHOSE = UUID(int=7)


def test_every_way_that_is_named_can_be_answered() -> None:
    assert list(REPLIES) == list(sandbox.BEHAVIOURS)


@pytest.mark.parametrize("way", sandbox.BEHAVIOURS)
def test_an_address_goes_out_with_whose_it_is(way: str) -> None:
    url = sandbox.SCHEME + way
    assert sandbox.path_within(sandbox.outward(url, WHOSE)) == f"/{WHOSE}/{way}"
    Settings(name="P", webhook_url=url, status_url=url).vet((), test=True)


@pytest.mark.parametrize(
    "url", ["https://example.com/sandbox:gives", "SANDBOX:gives", "http://127.0.0.1/", "", "x"]
)
def test_other_addresses_stay_what_they_are(url: str) -> None:
    assert sandbox.outward(url, WHOSE) == url
    assert sandbox.path_within(url) is None


@pytest.mark.parametrize(
    ("url", "test"),
    [
        ("sandbox:gives", False),
        ("sandbox:", True),
        ("sandbox:nothing", True),
        ("sandbox:gives/../gone", True),
        ("sandbox://127.0.0.1:5432/", True),
        ("SANDBOX:gives", True),
        ("http://127.0.0.1:8080/", True),
        ("https://localhost.:8080/\x00", True),
        ("https://[::ffff:127.0.0.1]/", True),
    ],
)
def test_what_is_refused(url: str, test: bool) -> None:
    given = {"webhookUrl": url, "statusUrl": url}
    settings = Settings(name="P", webhook_url=url, status_url=url)
    with pytest.raises(InvalidRequest) as refused:
        settings.vet((), test=test)
    errors = refused.value.facts["errors"]
    assert isinstance(errors, list)
    assert {error["pointer"].removeprefix("/") for error in errors} == given.keys()
    # Whoever does not know what it means dials nothing.
    for one in (url, "sandbox:gives", f"sandbox://{WHOSE}/gives"):
        with pytest.raises(egress.Blocked):
            egress.target(one, ())
