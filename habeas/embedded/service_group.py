"""Several services in one process."""

import importlib
from collections.abc import Sequence
from typing import Any

from shared.errors import ConfigurationError
from shared.runtime.bootstrap import ServicePlan, main

SERVICES = ("intake", "verifier", "fulfillment", "notifier")


def serve(names: Sequence[str]) -> None:
    """
    Run the services *names* until they are stopped.

    Raises:
        ConfigurationError: There is no such service.
    """
    unknown = sorted(set(names) - set(SERVICES))
    if unknown:
        raise ConfigurationError(
            f"no service is called {', '.join(unknown)}; there are {', '.join(SERVICES)}"
        )
    main([plan for name in dict.fromkeys(names) for plan in _plans(name)])


def _plans(name: str) -> Sequence[ServicePlan[Any]]:
    """Import a service only when it runs: other verbs need none of its libraries."""
    return importlib.import_module(f"services.{name}.bootstrap").PLANS  # type: ignore[no-any-return]  # every service has them
