"""The API as one ASGI application: every door, behind the one door they share."""

from guerdon.api import (
    callbacks,
    cases,
    conformance,
    members,
    namespaces,
    options,
    providers,
    redemptions,
    sandbox,
    system,
)
from guerdon.web.door import Door
from guerdon.web.gate import KeyGate
from guerdon.web.parts import Parts
from guerdon.web.routes import Route, Router


def table(parts: Parts) -> list[Route]:
    """Every route of the API."""
    about = system.Doors(parts)
    routes = [
        *redemptions.Doors(parts).routes(),
        *cases.Doors(parts).routes(),
        *members.Doors(parts).routes(),
        *options.Doors(parts).routes(),
        *providers.Doors(parts).routes(),
        *conformance.Doors(parts).routes(),
        *callbacks.Doors(parts).routes(),
        *namespaces.Doors(parts).routes(),
        *sandbox.Doors(parts).routes(),
        *about.routes(),
    ]
    about.describes = routes
    return routes


def callbacks_alone(parts: Parts) -> Door:
    """What providers may call, and nothing else: for the one that is built in."""
    gate = KeyGate(parts.keys, parts.throttle)
    return Door(Router(callbacks.Doors(parts).routes()), gate, "")


def build(parts: Parts) -> Door:
    """The application."""
    return Door(Router(table(parts)), KeyGate(parts.keys, parts.throttle), parts.base_path)
