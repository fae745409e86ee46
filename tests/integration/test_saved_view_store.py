"""Saved views in the database: whose they are, how many, and what a name is worth."""

import asyncio

import pytest

from guerdon.access import sessions
from guerdon.access import store as access
from guerdon.access.operators import Operator, Role
from guerdon.access.views import store as views
from guerdon.db.pool import Database
from guerdon.errors import InvalidRequest, NotFound


async def operator(database: Database, name: str, role: Role = "manager") -> Operator:
    async with database.tx() as tx:
        await access.ensure_namespace(tx, "1")
        await access.add_operator(tx, "1", f"{name}@example.com", role, "x")
        (row,) = await sessions.candidates(tx, f"{name}@example.com")
    return Operator(row.operator_id, "1", f"{name}@example.com", role)


async def names(database: Database, who: Operator) -> list[str]:
    async with database.read() as tx:
        return [view.name for view in await views.seen_by(tx, who)]


async def test_ones_own_are_ones_own_and_the_teams_everybodys(database: Database) -> None:
    dana, eli = await operator(database, "dana"), await operator(database, "eli")
    async with database.tx() as tx:
        own = await views.add(tx, dana, "Mine", "view=all", shared=False)
        await views.add(tx, eli, "Mine", "view=all", shared=False)
        teams = await views.add(tx, dana, "Ours", "view=all", shared=True)
    assert await names(database, dana) == ["Ours", "Mine"]
    async with database.tx() as tx:
        changed = await views.change(tx, eli, teams, "view=all&user=x", shared=True)
        assert (changed.query, changed.changed_by) == (
            "view=all&user=x",
            "operator:eli@example.com",
        )
    for act in (
        lambda tx: views.change(tx, eli, own, "view=all", shared=False),
        lambda tx: views.remove(tx, eli, own, shared=False),
        lambda tx: views.remove(tx, dana, own, shared=True),
    ):
        with pytest.raises(NotFound):
            async with database.tx() as tx:
                await act(tx)
    async with database.pool.connection() as connection:
        await connection.execute("DELETE FROM operator WHERE email = 'dana@example.com'")
        left = await (await connection.execute("SELECT name FROM saved_view")).fetchall()
    assert sorted(row.name for row in left) == ["Mine", "Ours"]


async def test_there_are_so_many_and_no_more_even_at_once(database: Database) -> None:
    dana = await operator(database, "dana")

    async def save(name: str) -> bool:
        try:
            async with database.tx() as tx:
                await views.add(tx, dana, name, "view=all", shared=True)
        except InvalidRequest:
            return False
        return True

    assert await save("View 1")
    assert not await save("VIEW 1")
    assert not await save("")
    assert not await save("x" * 61)
    saved = await asyncio.gather(*(save(f"View {n}") for n in range(2, views.MOST + 6)))
    assert sum(saved) == views.MOST - 1
    assert len(await names(database, dana)) == views.MOST
