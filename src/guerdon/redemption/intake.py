"""Where redemptions come in: each goes to its slot's lane, and total limits are refilled."""

from guerdon import ids
from guerdon.db.pool import Database
from guerdon.errors import LimitReached
from guerdon.options import store as options
from guerdon.redemption.lane import Lanes
from guerdon.redemption.request import Accepted, Request, RequestVerb, ShareEmpty


class Intake:
    """What doors call to redeem."""

    def __init__(
        self,
        database: Database,
        lanes: Lanes,
        slots: int,
        verb: RequestVerb,
    ) -> None:
        self._database = database
        self._lanes = lanes
        self._slots = slots
        self._verb = verb

    async def redeem(self, request: Request) -> Accepted:
        """Accepts the redemption, durably, or raises its refusal; nothing is then written."""
        slot = ids.bucket_of(request.namespace, request.user_id) % self._slots
        while True:
            try:
                accepted: Accepted = await self._lanes.submit(self._verb, slot, request)
            except ShareEmpty as empty:
                if not await self._refill(request, slot):
                    raise LimitReached(empty.detail) from empty
            else:
                return accepted

    async def _refill(self, request: Request, slot: int) -> int:
        """Moves units of a total limit to this slot's share, in a ``Tx`` of its own."""
        async with self._database.tx() as tx:
            return await options.refill(tx, request.namespace, request.option_name, slot)
