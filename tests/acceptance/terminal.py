"""A terminal: commands as real processes, and how they ended."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

COMMAND = str(Path(sys.executable).parent / "guerdon")
KEY = bytes(range(32))


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    def refused(self) -> str:
        """What it said when it refused: a sentence, never a stack."""
        assert self.code == 1, self
        assert self.out == ""
        assert "Traceback" not in self.err
        assert self.err.startswith("guerdon: ")
        return " ".join(self.err.split())

    def worked(self) -> str:
        """What it printed."""
        assert self.code == 0, self.err
        assert "Traceback" not in self.err
        return self.out


class Terminal:
    """Types commands about one database."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("GUERDON_")
        } | {"GUERDON_DATABASE_URL": url, "GUERDON_SECRET_KEY": KEY.hex(), "COLUMNS": "80"}

    async def type(self, *arguments: str, said: str = "", **environment: str | None) -> Done:
        """Runs a command to its end; ``None`` takes a variable away."""
        chosen = {**self.environment, **environment}
        done = await asyncio.to_thread(
            subprocess.run,
            [COMMAND, *arguments],
            input=said,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={name: value for name, value in chosen.items() if value is not None},
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """Rows, as a superuser."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def write(self, name: str, text: str) -> str:
        """A file where commands are typed."""
        (self.folder / name).write_text(text)
        return name
