"""A provider with faults, and redemptions through the API that reach it."""

from collections.abc import AsyncIterator

import pytest
from tests.conftest import Api
from tests.faults import provider as faults
from tests.faults.provider import FaultProvider
from tests.faults.redeeming import Redeeming

from guerdon.db.pool import Database


@pytest.fixture
async def provider() -> AsyncIterator[FaultProvider]:
    """A provider on the loopback that answers 200 until told otherwise."""
    async with faults.serving() as serving:
        yield serving


@pytest.fixture
async def redeeming(api: Api, database: Database) -> Redeeming:
    """Namespace "1" with member ``alice``."""
    return await Redeeming.open(api, database)
