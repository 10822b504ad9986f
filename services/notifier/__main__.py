"""Run the notifier: ``python -m services.notifier``."""

from services.notifier.bootstrap import PLANS
from shared.runtime.bootstrap import main

if __name__ == "__main__":
    main(PLANS)
