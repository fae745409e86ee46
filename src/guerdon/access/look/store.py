"""How each programme's widget looks and speaks, in the database."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from guerdon.access import store
from guerdon.access.embedding import By
from guerdon.access.look.model import Theme
from guerdon.db.pool import ReadTx, Tx
from guerdon.db.sql import Queries
from guerdon.errors import PreconditionFailed

_Q = Queries("guerdon.access.look")

Text = str | dict[str, str]
Texts = dict[str, dict[str, Text]]


@dataclass(frozen=True, slots=True)
class Look:
    """A theme, and by language the texts that stand in place of the widget's own."""

    theme: Theme
    texts: Texts
    version: int


async def look(tx: ReadTx, namespace: str) -> Look:
    """How a programme's widget looks; where nobody said so, as it comes."""
    row = await tx.first(_Q["look"], {"namespace": namespace})
    if row is None:
        return Look(Theme(), {}, 1)
    theme = msgspec.json.decode(row.theme, type=Theme)
    return Look(theme, msgspec.json.decode(row.texts, type=Texts), row.version)


async def set_theme(tx: Tx, namespace: str, theme: Theme, version: int, by: By) -> None:
    """Another theme upon ``version``. Raises ``InvalidRequest``, ``PreconditionFailed``."""
    theme.vet()
    before = await look(tx, namespace)
    await _change(tx, namespace, theme, before.texts, version)
    was, now = msgspec.to_builtins(before.theme), msgspec.to_builtins(theme)
    changed = {
        name: {"before": was.get(name), "after": now.get(name)}
        for name in sorted({*was, *now})
        if was.get(name) != now.get(name)
    }
    await _audit(tx, namespace, "widget.theme-changed", changed, by)


async def set_texts(
    tx: Tx, namespace: str, language: str, texts: Mapping[str, Text], version: int, by: By
) -> None:
    """Other texts of one language upon ``version``. Raises ``PreconditionFailed``."""
    before = await look(tx, namespace)
    whole = {**before.texts, language: dict(texts)}
    kept = {code: table for code, table in whole.items() if table}
    await _change(tx, namespace, before.theme, kept, version)
    was = before.texts.get(language, {})
    names = sorted(name for name in {*was, *texts} if was.get(name) != texts.get(name))
    detail = {"language": language, "texts": names}
    await _audit(tx, namespace, "widget.texts-changed", detail, by)


async def _change(tx: Tx, namespace: str, theme: Theme, texts: Texts, version: int) -> None:
    await tx.run(_Q["add_look"], {"namespace": namespace})
    changed = await tx.run(
        _Q["change_look"],
        {
            "namespace": namespace,
            "theme": msgspec.json.encode(theme).decode(),
            "texts": msgspec.json.encode(texts).decode(),
            "version": version,
        },
    )
    if not changed:
        raise PreconditionFailed(
            "Somebody saved this meanwhile. What you typed is still here: save again to put it on "
            "top, or load the page again to see theirs."
        )


async def _audit(tx: Tx, namespace: str, action: str, detail: Mapping[str, object], by: By) -> None:
    await store.audit(
        tx,
        namespace=namespace,
        actor=by.actor,
        action=action,
        target=namespace,
        detail=detail,
        address=by.address,
    )
