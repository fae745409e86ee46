"""A web server that leaves signals to whoever runs it."""

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn


class Server(uvicorn.Server):
    """uvicorn would raise signals again before our own orderly end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
