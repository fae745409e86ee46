"""What doors are given by the composition root."""

from collections.abc import Sequence
from dataclasses import dataclass

from guerdon.access.keys import KeyRing
from guerdon.db.pool import Database
from guerdon.providers.client import ProviderClient
from guerdon.providers.egress import Network
from guerdon.redemption.intake import Intake
from guerdon.redemption.issuance import IssuanceDoor
from guerdon.redemption.settlement import Settlement
from guerdon.sealing import Sealer
from guerdon.web.door import Throttle


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a running Guerdon that answer requests."""

    database: Database
    slots: int
    sealer: Sealer
    keys: KeyRing
    throttle: Throttle
    intake: Intake
    issuance: IssuanceDoor
    settlement: Settlement
    client: ProviderClient
    allowed: Sequence[Network]
    metrics_token: str | None
    base_path: str
