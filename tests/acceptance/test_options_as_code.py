"""Options as code, as people type it: from a test programme to a live one, and what is refused."""

from pathlib import Path
from uuid import UUID

import pytest
from tests.acceptance.terminal import Done, Terminal

from guerdon.access import store as access
from guerdon.db.pool import Database
from guerdon.providers import store as providers
from guerdon.providers.model import Settings
from guerdon.sealing import Sealer

COFFEE = UUID("0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a01")
CASH = UUID("0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a02")
WEEKEND = UUID("0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a03")
SHEET = f"""\
options:
  - name: {COFFEE}
    type: digital
    title: "No"                 # a text, in quotes
    provider: Rewards
    price: 120
    order: 2
    limits: {{total: 500, perMemberPeriod: {{count: 1, days: 30}}}}
    translations:
      no: {{title: Nei}}
  - name: {CASH}
    type: currency
    title: Cash back
    provider: Bank
    minTokens: 100
    maxTokens: 10000
    rates:
      - {{currency: EUR, rate: 0.0125}}
      - {{currency: NOK, rate: "0.10"}}
  - name: {WEEKEND}
    type: physical
    title: Weekend
    provider: Rewards
    price: 4800
    order: 3
    details: |
      Two nights.
        For two.
    window: {{hours: [["22:00", "02:00"]], timeZone: Europe/Dublin}}
    audience:
      - - {{attribute: tier, op: in, value: [gold, platinum]}}
        - {{attribute: share, op: gte, value: 0.5}}
"""


@pytest.fixture
async def terminal(
    tmp_path: Path, database_url: str, database: Database, sealer: Sealer
) -> Terminal:
    """A terminal at a database with two programmes, whose providers have the same names."""
    async with database.tx() as tx:
        for namespace in ("test", "live"):
            await access.ensure_namespace(tx, namespace)
            for name in ("Rewards", "Bank"):
                settings = Settings(name=name, webhook_url=f"https://{namespace}.example.com/hook")
                await providers.create(tx, sealer, namespace, settings)
    return Terminal(tmp_path, database_url)


async def type_(terminal: Terminal, word: str, file: str, namespace: str, *more: str) -> Done:
    return await terminal.type("options", word, file, "--namespace", namespace, *more)


def kept(terminal: Terminal, namespace: str) -> list[tuple[str, int, bool]]:
    found = terminal.query(
        "SELECT option_name::text, version, archived_at IS NOT NULL FROM option "
        f"WHERE namespace = '{namespace}' ORDER BY sort_order"
    )
    return [(name, version, archived) for name, version, archived in found]


async def test_options_go_from_a_test_programme_to_a_live_one(terminal: Terminal) -> None:
    terminal.write("sheet.yaml", SHEET)
    tried = await type_(terminal, "apply", "sheet.yaml", "test", "--dry-run")
    assert "3 new, 0 changed, 0 archived." in tried.worked()
    assert "nothing was changed" in tried.err
    assert kept(terminal, "test") == []
    assert (await type_(terminal, "diff", "sheet.yaml", "test")).code == 1
    (await type_(terminal, "apply", "sheet.yaml", "test")).worked()
    again = await type_(terminal, "apply", "sheet.yaml", "test")
    assert again.worked() == "Nothing to change.\n"
    assert kept(terminal, "test") == [
        (str(CASH), 1, False),
        (str(COFFEE), 1, False),
        (str(WEEKEND), 1, False),
    ]
    ((rates,),) = terminal.query(
        f"SELECT definition->'rates' FROM option_version WHERE option_name = '{CASH}'"
    )
    assert [rate["rate"] for rate in rates] == ["0.0125", "0.10"]

    (await type_(terminal, "export", "test.yaml", "test")).worked()
    promoted = await type_(terminal, "apply", "test.yaml", "live")
    promoted.worked()
    assert kept(terminal, "live") == kept(terminal, "test")
    out = (await type_(terminal, "export", "-", "live")).worked()
    assert out == (await type_(terminal, "export", "-", "test")).worked()
    assert out == (terminal.folder / "test.yaml").read_text("utf-8")
    audit = "SELECT actor, action, target, detail FROM audit WHERE namespace = 'live'"
    assert sorted(terminal.query(audit), key=lambda row: row[2]) == [
        ("command", "option.created", str(name), {"file": "test.yaml", "version": 1})
        for name in (COFFEE, CASH, WEEKEND)
    ]


async def test_a_change_is_told_and_becomes_the_next_version(terminal: Terminal) -> None:
    terminal.write("sheet.yaml", SHEET)
    (await type_(terminal, "apply", "sheet.yaml", "live")).worked()
    first, rest = SHEET.split(f"  - name: {WEEKEND}")[0], "order: 2\n"
    changed = first.replace("provider: Rewards", "provider: Bank").replace(rest, "enabled: false\n")
    terminal.write("sheet.yaml", changed)
    told = await type_(terminal, "diff", "sheet.yaml", "live", "--archive-missing")
    assert (told.code, told.err) == (1, "")
    assert told.out.splitlines() == [
        f"~ No  {COFFEE}  version 1 → 2",
        "    order: 2 → 0",
        "    enabled: true → false",
        "    provider: Rewards → Bank",
        f"- Weekend  {WEEKEND}  archived",
        "0 new, 1 changed, 1 archived.",
    ]
    kept_all = await type_(terminal, "apply", "sheet.yaml", "live")
    assert "0 new, 1 changed, 0 archived." in kept_all.worked()
    assert (str(WEEKEND), 1, False) in kept(terminal, "live")
    (await type_(terminal, "apply", "sheet.yaml", "live", "--archive-missing")).worked()
    assert (str(WEEKEND), 2, True) in kept(terminal, "live")
    assert (await type_(terminal, "diff", "sheet.yaml", "live", "--archive-missing")).code == 0
    # Nothing comes back from the archive, and nothing of a file with a fault is done.
    terminal.write("sheet.yaml", SHEET)
    refused = await type_(terminal, "apply", "sheet.yaml", "live")
    assert refused.code == 2
    assert "option 'Weekend' is archived here" in refused.err
    assert (str(COFFEE), 2, False) in kept(terminal, "live")


FAULTY = f"""\
options:
  - name: {COFFEE}
    type: digital
    title: Coffee
    provider: Cinema
    price: 1.5
    limits: {{total: -1}}
    colour: red
  - name: {COFFEE}
    type: voucher
    title: Again
    provider: Rewards
    providerId: {COFFEE}
  - type: physical
    title: Mug
"""


async def test_every_fault_is_named_with_its_line_option_and_field(terminal: Terminal) -> None:
    terminal.write("faulty.yaml", FAULTY)
    for word in ("diff", "apply"):
        done = await type_(terminal, word, "faulty.yaml", "live")
        assert (done.code, done.out) == (2, "")
        lines = done.err.splitlines()
        assert lines[0] == "guerdon: faulty.yaml cannot be applied:"
        for told in (
            "5:15: option 'Coffee', provider is no provider of this programme; there are: "
            "'Bank', 'Rewards'",
            "6:12: option 'Coffee', price must be a whole number",
            "7:21: option 'Coffee', limits/total must be 0 to 9007199254740991",
            "8:13: option 'Coffee', colour is not known here",
            "9:11: option 'Again', name is there twice",
            "10:11: option 'Again', type must be one of physical, digital, currency",
            "13:17: option 'Again', providerId is not for files: name it as provider, so that it "
            "fits everywhere",
            "14:5: option 'Mug', name is missing: give a UUID, so that applying twice makes one "
            "option",
            "14:5: option 'Mug', provider is missing",
        ):
            assert f"  faulty.yaml:{told}" in lines, (told, lines)
    assert kept(terminal, "live") == []


async def test_what_is_no_sheet_is_refused(terminal: Terminal) -> None:
    sheet = f"options:\n  - name: {COFFEE}\n    enabled: no\n"
    for text, says in (
        (sheet, "-:3:14: no is read differently by different tools"),
        ("options: [\n", "is not YAML"),
        ("options:\n", None),
        ("", "must be an object"),
        ("option: []\n", "options is missing"),
    ):
        typed = ("options", "diff", "-", "--namespace", "live")
        done = await terminal.type(*typed, said=text)
        assert done.code == (2 if says else 0), (text, done)
        assert (says or "") in done.err
    missing = await type_(terminal, "apply", "missing.yaml", "live")
    assert (missing.code, "missing.yaml cannot be read" in missing.err) == (2, True)
    nowhere = await type_(terminal, "export", "-", "nowhere")
    assert "There is no namespace 'nowhere'" in nowhere.refused()
