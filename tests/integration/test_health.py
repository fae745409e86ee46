"""What a load balancer asks."""

from tests.conftest import Api


async def test_live_and_ready_need_no_key(api: Api) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await api.call("GET", path, headers={"Authorization": ""})).status == 200
