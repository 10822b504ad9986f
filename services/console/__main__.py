"""Run the console: ``python -m services.console``."""

from services.console.bootstrap import PLANS
from shared.runtime.bootstrap import main

if __name__ == "__main__":
    main(PLANS)
