"""Names of ``shared.contract``, each imported at its first use: `--help` needs none of its models."""

from importlib import import_module
from typing import TYPE_CHECKING

from shared.contract import __name__ as package

if TYPE_CHECKING:
    from shared.contract.answer import *  # noqa: F403  one name for all
    from shared.contract.events import *  # noqa: F403  the same
    from shared.contract.events.breaches import *  # noqa: F403  the same
    from shared.contract.staff import *  # noqa: F403  the same
else:

    def __getattr__(name: str) -> object:
        for module in ("events", "events.breaches", "staff", "answer"):
            found = getattr(import_module(f"{package}.{module}"), name, None)
            if found is not None:
                return found
        raise AttributeError(name)
