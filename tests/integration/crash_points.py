"""Simulated crashes of a process before and after each write."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any


class Killed(BaseException):
    """The process is gone: nothing in it catches this."""


@dataclass
class Life:
    """Ends at the *last* boundary it passes."""

    last: float = float("inf")
    passed: int = 0

    def passes(self) -> None:
        """Pass a boundary."""
        self.passed += 1
        if self.passed >= self.last:
            raise Killed


@dataclass
class Mortal:
    """Something whose *writes* a process may die before or after."""

    real: Any
    life: Life
    writes: Collection[str]

    def __getattr__(self, name: str) -> Any:
        """Return what is really called so; a write with a boundary on each side."""
        act = getattr(self.real, name)
        return self._mortal(act) if name in self.writes else act

    def _mortal(self, act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def mortal(*arguments: Any, **more: Any) -> Any:
            self.life.passes()
            done = await act(*arguments, **more)
            self.life.passes()
            return done

        return mortal
