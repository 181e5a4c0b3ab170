"""An asyncio client in the dress of a blocking one, so that the same tests are run with both."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from typing import Any

from ignite_dbapi.keyvalue import AioClient, Client

MODES = ("blocking", "asyncio")
_WRAPPED = ("ignite_dbapi.keyvalue.", "ignite_dbapi.aio.")


class Loop:
    """An event loop whose tasks all run in one context, as those of one task do."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.context = contextvars.copy_context()

    def run(self, awaitable: Any) -> Any:
        async def awaited() -> Any:
            return await awaitable

        return self.loop.run_until_complete(self.loop.create_task(awaited(), context=self.context))

    def dressed(self, value: Any) -> Any:
        if inspect.isawaitable(value) and not hasattr(value, "__aiter__") and not hasattr(value, "__aenter__"):
            return self.dressed(self.run(value))
        if hasattr(value, "__await__"):
            return self.dressed_object(self.run(value))
        if type(value).__module__.startswith(_WRAPPED) and type(value).__name__.startswith(("Aio", "Async")):
            return self.dressed_object(value)
        return value

    def dressed_object(self, value: Any) -> Dressed:
        return Dressed(self, value)

    def close(self) -> None:
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


class Dressed:
    """An object whose methods wait for what those of the object within are to be awaited for."""

    def __init__(self, loop: Loop, value: Any) -> None:
        self.__dict__.update(_loop=loop, _value=value)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._value, name)
        if name == "settings":
            return self._loop.run(found())
        if name == "random_node":
            return self._loop.run(found())
        if not callable(found):
            return self._loop.dressed(found)

        def call(*arguments: Any, **options: Any) -> Any:
            named = {key: plain(each) for key, each in options.items()}
            return self._loop.dressed(self._loop.context.run(found, *map(plain, arguments), **named))

        return call

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._value, name, value)

    def __iter__(self) -> Dressed:
        self.__dict__["_iterator"] = self._value.__aiter__()
        return self

    def __next__(self) -> Any:
        iterator = self.__dict__.get("_iterator", self._value)
        try:
            return self._loop.run(iterator.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def __enter__(self) -> Dressed:
        # Awaiting it, or what made it, has entered it.
        return self

    def __exit__(self, *details: Any) -> None:
        self._loop.run(self._value.__aexit__(*details))

    def __repr__(self) -> str:
        return repr(self._value)

    def __str__(self) -> str:
        return str(self._value)


def plain(value: Any) -> Any:
    """*value* without its dress, if it has one."""
    return value._value if isinstance(value, Dressed) else value


def new_client(mode: str, loop: Loop, *arguments: Any, **options: Any) -> Any:
    """A client that is not connected yet."""
    if mode == "blocking":
        return Client(*arguments, **options)
    return Dressed(loop, AioClient(*arguments, **options))
