"""A disk that is full: refused, nothing half done, and well again once there is room."""

import errno
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.acceptance.provider import Provider
from tests.acceptance.site import Site, until

_DISK = "240m"
_CHUNK = bytes(64 * 1024)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own that a test can fill."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=755", "guerdon", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"Only who may mount has a small disk to fill: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
async def small_site(small_disk: Path) -> AsyncIterator[Site]:
    opened = Site(small_disk)
    try:
        await opened.make_key()
        yield opened
    finally:
        await opened.close()


def fill(path: Path) -> None:
    """Writes until there is no room."""
    with path.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(_CHUNK)
        except OSError as trouble:
            if trouble.errno != errno.ENOSPC:
                raise


async def test_a_full_disk_refuses_and_is_forgotten(small_site: Site) -> None:
    site, provider = small_site, Provider()
    await site.serve()
    provider.start()
    option = await site.make_option((await site.make_provider(provider))["id"])
    await site.make_member("ann")
    acknowledged = {"before": await site.redeem("ann", option, "before")}
    ballast = site.folder / "ballast"
    fill(ballast)

    async def refused() -> str | None:
        """The key of a redemption that found no room."""
        key = f"full-{len(acknowledged)}"
        body = {"userId": "ann", "optionName": option}
        made = await site.api().call("POST", "/v1/redemptions", body, key=key)
        if made.status == 202:
            acknowledged[key] = made.body["id"]
            return None
        assert (made.status, made.body["code"]) == (503, "unavailable")
        return key

    key = None
    while key is None:
        key = await refused()
    ballast.unlink()
    body = {"userId": "ann", "optionName": option}

    async def accepted() -> bool:
        made = await site.api().call("POST", "/v1/redemptions", body, key=key)
        assert made.status in (202, 503), made.body
        if made.status == 202:
            acknowledged[key] = made.body["id"]
        return made.status == 202

    await until(accepted, "a redemption, now that there is room")
    await site.come_to_rest()
    statuses = site.statuses()
    assert sorted(statuses) == sorted(acknowledged.values())
    assert set(statuses.values()) <= {"success", "recoverable-failure"}
    assert max(Counter(asked.transaction_id for asked in provider.asked).values()) == 1
    await site.verify()
