"""A provider that does whatever chance says, and knows what that means for a redemption."""

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.faults import provider as faults
from tests.faults.provider import Behaviour, FaultProvider, Received

_JSON = "Content-Type: application/json"
# After these nobody knows whether the reward was given, so it may never be asked for again.
_UNKNOWN: dict[str, Behaviour] = {
    "gives and hangs": faults.gives(faults.hangs),
    "hangs": faults.hangs,
    "gives and resets": faults.gives(faults.resets),
    "resets": faults.resets,
    "closes": faults.closes,
    "gives and breaks off": faults.gives(faults.begins_and_resets(b"HTTP/1.1 200 OK\r\nContent-L")),
    "trickles": faults.gives(faults.trickles(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")),
    "fails inside": faults.reply(500),
    "gives and fails inside": faults.gives(faults.reply(502)),
    "talks nonsense": faults.gives(faults.raw(b"\x00\x01\x02 nonsense\r\n\r\n")),
}
_KNOWN: dict[str, Behaviour] = {
    "gives": faults.gives(faults.says("success")),
    "refuses": faults.says("failure"),
    "postpones": faults.gives(faults.says("postponed")),
}


@dataclass(slots=True)
class Fates:
    """Chooses for each request. ``known`` of ten requests get a whole answer."""

    chance: random.Random
    known: int = 7
    chosen: Counter[str] = field(default_factory=Counter)
    doubtful: set[str] = field(default_factory=set)
    again: list[str] = field(default_factory=list)

    def choose(self, received: Received) -> Behaviour:
        """What becomes of this one."""
        identifier = received.transaction_id
        if identifier in self.doubtful:
            self.again.append(identifier)
        table = _KNOWN if self.chance.randrange(10) < self.known else _UNKNOWN
        name = self.chance.choice(list(table))
        if table is _UNKNOWN:
            self.doubtful.add(identifier)
        self.chosen[name] += 1
        return table[name]

    def check(
        self, provider: FaultProvider, statuses: dict[str, str], movements: dict[str, list[str]]
    ) -> None:
        """What must hold, whatever chance did."""
        assert self.again == [], f"sent again after an unknown: {self.again[:5]}"
        assert all(times == 1 for times in provider.issued.values()), "given twice"
        for identifier in provider.issued:
            assert movements[identifier] != ["hold", "release"], f"{identifier} given and returned"
        sent = {received.transaction_id for received in provider.received}
        assert sent <= set(statuses), "sent, but not committed"
