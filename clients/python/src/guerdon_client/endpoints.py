"""Methods that are written once and are there in both kinds.

A resource's methods make a :class:`~guerdon_client.calls.Call` and do nothing. ``endpoint`` makes
of one a method that carries the call out: at once where the resource is a ``Client``'s, awaited
where it is an ``AsyncClient``'s. ``iteration`` goes through a list, with ``for`` or ``async for``.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_args, overload

from guerdon_client.calls import Call
from guerdon_client.drivers import Awaiting, Blocking
from guerdon_client.reading import Page

P = ParamSpec("P")
T = TypeVar("T")
Driver = TypeVar("Driver")


class Resource(Generic[Driver]):
    """A group of endpoints on one driver."""

    def __init__(self, driver: Driver) -> None:
        self._driver: Driver = driver


class endpoint(Generic[P, T]):  # noqa: N801 - a decorator
    """A method that answers what its call reads."""

    def __init__(self, call: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.call = call
        self._signature = _shown(call)

    @overload
    def __get__(self, at: Resource[Blocking], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, at: Resource[Awaiting], owner: type
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, at: None, owner: type) -> Callable[Concatenate[Any, P], Call[T]]: ...
    def __get__(self, at: Resource[Any] | None, owner: type) -> Callable[..., Any]:
        if at is None:
            return self.call
        return _bound(self.call, self.call.__doc__, self._signature, at, at._driver.run)


class iteration(Generic[P, T]):  # noqa: N801 - a decorator
    """A method that goes through all pages of a list, from the one it begins with."""

    def __init__(self, call: Callable[Concatenate[Any, P], Call[Page[T]]], doc: str) -> None:
        self.call = call
        self._doc = doc
        self._signature = _shown(call)

    @overload
    def __get__(self, at: Resource[Blocking], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, at: Resource[Awaiting], owner: type) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, at: None, owner: type) -> Callable[Concatenate[Any, P], Call[Page[T]]]: ...
    def __get__(self, at: Resource[Any] | None, owner: type) -> Callable[..., Any]:
        if at is None:
            return self.call
        return _bound(self.call, self._doc, self._signature, at, at._driver.each)


def _bound(
    call: Callable[..., Call[Any]],
    doc: str | None,
    signature: inspect.Signature,
    at: Resource[Any],
    carry_out: Callable[[Call[Any]], Any],
) -> Callable[..., Any]:
    def method(*args: Any, **kwargs: Any) -> Any:
        return carry_out(call(at, *args, **kwargs))

    method.__name__, method.__doc__ = call.__name__, doc
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


def _shown(call: Callable[..., Call[T]]) -> inspect.Signature:
    """What ``help`` shows of a method: without ``self``, and with what the call reads."""
    whole = inspect.signature(call)
    _, *parameters = whole.parameters.values()
    (read,) = get_args(whole.return_annotation)
    return whole.replace(parameters=parameters, return_annotation=read)
