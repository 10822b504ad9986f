"""Run the console: ``python -m services.console``."""

import gc

gc.disable()  # nothing of what is imported is garbage: to look for it takes a seventh of the time
from services.console.bootstrap import PLANS  # noqa: E402 - see above
from shared.runtime.bootstrap import main  # noqa: E402 - same

gc.enable()

if __name__ == "__main__":
    main(PLANS)
