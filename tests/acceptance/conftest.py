"""Sites for real processes: whatever a test starts ends with it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.acceptance.site import Site


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    """Guerdon on a fresh database of the session's PostgreSQL, which nobody here kills."""
    opened = Site(tmp_path, url=database_url)
    try:
        await opened.make_key()
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def data_site(tmp_path: Path) -> AsyncIterator[Site]:
    """Guerdon on a data directory of its own, with the PostgreSQL embedded in it."""
    opened = Site(tmp_path)
    try:
        await opened.make_key()
        yield opened
    finally:
        await opened.close()
