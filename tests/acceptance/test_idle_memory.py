"""What an idle Guerdon costs."""

from tests.acceptance.site import Site

LARGEST_IDLE_BYTES = 120 * 1024 * 1024


async def test_an_idle_serve_stays_small(data_site: Site) -> None:
    serving = await data_site.serve()
    assert serving.resident_bytes() <= LARGEST_IDLE_BYTES
