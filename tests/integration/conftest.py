"""A provider with faults, and redemptions through the API that reach it."""

from collections.abc import AsyncIterator

import pytest
from tests.conftest import LOOPBACK, Api
from tests.faults import provider as faults
from tests.faults.authority import Authority
from tests.faults.provider import FaultProvider
from tests.faults.redeeming import Redeeming

from guerdon.db.pool import Database
from guerdon.providers.client import ProviderClient


@pytest.fixture
async def provider() -> AsyncIterator[FaultProvider]:
    """A provider on the loopback that answers 200 until told otherwise."""
    async with faults.serving() as serving:
        yield serving


@pytest.fixture
async def redeeming(api: Api, database: Database) -> Redeeming:
    """Namespace "1" with member ``alice``."""
    return await Redeeming.open(api, database)


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The certificate authority of all tests."""
    return Authority()


@pytest.fixture
async def secure(authority: Authority) -> AsyncIterator[FaultProvider]:
    """A provider behind TLS, also known as ``rewards.test``."""
    async with faults.serving(authority.serves("127.0.0.1", "rewards.test")) as serving:
        yield serving


@pytest.fixture
async def client(authority: Authority) -> AsyncIterator[ProviderClient]:
    """The client, trusting the tests' authority; providers may be on the loopback."""
    made = ProviderClient(LOOPBACK, trust=authority.trusts())
    yield made
    await made.close()
