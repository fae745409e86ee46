"""Every scenario in this folder, as it is written and with every call made twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import Api
from tests.scenarios.provider import Provider
from tests.scenarios.runner import Runner
from tests.scenarios.script import read

from guerdon.db.pool import Database

SCENARIOS = {
    file.stem: file.read_text("utf-8") for file in sorted(Path(__file__).parent.glob("*.txt"))
}
PATIENT, IMPATIENT = 30, 2


@pytest.fixture
async def provider(api: Api) -> AsyncIterator[Provider]:
    """Ends before the application does: what it has not answered is then broken off."""
    started = Provider()
    await started.start()
    yield started
    await started.close()


@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize("name", SCENARIOS)
async def test_scenario(
    name: str, twice: bool, api: Api, database: Database, database_url: str, provider: Provider
) -> None:
    text = SCENARIOS[name]
    # Silence has to be waited for; elsewhere a slow machine must not be mistaken for it.
    timeout = IMPATIENT if " silence" in text else PATIENT
    runner = Runner(api, database, database_url, provider, twice=twice, timeout=timeout)
    await runner.run(read(text))


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= 15
