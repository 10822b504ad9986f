"""Runs several services in one process."""

import importlib
from collections.abc import Sequence
from typing import Any

from shared.errors import ConfigurationError
from shared.host import Plan, main
from shared.topology import LISTENS


def serve(names: Sequence[str]) -> None:
    """
    Run the services *names* until told to stop.

    Raises:
        ConfigurationError: There is no such service.
    """
    unknown = sorted(set(names) - set(LISTENS))
    if unknown:
        raise ConfigurationError(f"no service is called {', '.join(unknown)}; there are {', '.join(LISTENS)}")
    main([_plan(name) for name in dict.fromkeys(names)])


def _plan(name: str) -> Plan[Any]:
    """Import a service only when it is run: an operator's verb needs none of their libraries."""
    return importlib.import_module(f"services.{name}.__main__").PLAN  # type: ignore[no-any-return]  # every service has one
