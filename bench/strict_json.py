"""What strictness costs: reading the body of a redemption, strictly and not. ``make bench``."""

import json
import timeit

import msgspec
from rich.console import Console
from rich.table import Table

from guerdon import strict_json
from guerdon.api.redemptions import Redeem

BODY = json.dumps(
    {
        "optionName": "5c787af5-d28e-4567-809c-b030877d9355",
        "userId": "User 123",
        "email": "someone@example.com",
        "address": "1 Main Street, Dublin",
        "expectedPrice": 200,
    }
).encode()
ROUNDS = 100_000


def microseconds(read: object) -> float:
    """The best of five runs, for one body."""
    return min(timeit.repeat(read, number=ROUNDS, repeat=5)) / ROUNDS * 1e6  # type: ignore[arg-type]


def main() -> None:
    decoder = msgspec.json.Decoder(Redeem)
    base = microseconds(lambda: decoder.decode(BODY))
    table = Table("reader", "µs a body", "of msgspec alone", title="Strict JSON")
    for name, took in (
        ("msgspec alone: takes duplicate keys, NUL, any integer", base),
        ("json.loads alone", microseconds(lambda: json.loads(BODY))),
        (
            "guerdon: strict, then the shape",
            microseconds(lambda: strict_json.fit(strict_json.parse(BODY), Redeem)),
        ),
    ):
        table.add_row(name, f"{took:.2f}", f"{took / base:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
