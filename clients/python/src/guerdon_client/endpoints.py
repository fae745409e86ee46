"""Methods that are written once and are there in both kinds.

A resource's methods make a :class:`~guerdon_client.calls.Call` and do nothing. ``endpoint`` makes
of one a method that carries the call out: at once where the resource is a ``Client``'s, awaited
where it is an ``AsyncClient``'s. ``iteration`` goes through a list, with ``for`` or ``async for``.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from inspect import Signature, signature
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
        self._shown = Shown(call.__name__, call.__doc__, _signature(call))

    @overload
    def __get__(self, at: Resource[Blocking], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, at: Resource[Awaiting], owner: type
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, at: None, owner: type) -> Callable[Concatenate[Any, P], Call[T]]: ...
    def __get__(self, at: Resource[Any] | None, owner: type) -> Callable[..., Any]:
        return self.call if at is None else self._shown.method(self.call, at, at._driver.run)


class iteration(Generic[P, T]):  # noqa: N801 - a decorator
    """A method that goes through all pages of a list, from the one it begins with."""

    def __init__(
        self, call: Callable[Concatenate[Any, P], Call[Page[T]]], name: str, doc: str
    ) -> None:
        self.call = call
        self._shown = Shown(name, doc, _signature(call).replace(return_annotation=Signature.empty))

    @overload
    def __get__(self, at: Resource[Blocking], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, at: Resource[Awaiting], owner: type) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, at: None, owner: type) -> Callable[Concatenate[Any, P], Call[Page[T]]]: ...
    def __get__(self, at: Resource[Any] | None, owner: type) -> Callable[..., Any]:
        return self.call if at is None else self._shown.method(self.call, at, at._driver.each)


@dataclass(frozen=True, slots=True)
class Shown:
    """What ``help`` shows of a method."""

    name: str
    doc: str | None
    signature: Signature

    def method(
        self,
        call: Callable[..., Call[Any]],
        at: Resource[Any],
        carry_out: Callable[[Call[Any]], Any],
    ) -> Callable[..., Any]:
        """The method of a resource that makes a call and has it carried out."""

        def method(*args: Any, **kwargs: Any) -> Any:
            return carry_out(call(at, *args, **kwargs))

        method.__name__, method.__doc__ = self.name, self.doc
        method.__signature__ = self.signature  # type: ignore[attr-defined]
        return method


def _signature(call: Callable[..., Call[T]]) -> Signature:
    """Without ``self``, and with what the call reads."""
    whole = signature(call)
    _, *parameters = whole.parameters.values()
    (read,) = get_args(whole.return_annotation)
    return whole.replace(parameters=parameters, return_annotation=read)
