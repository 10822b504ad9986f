"""Run fulfillment: ``python -m services.fulfillment``."""

from services.fulfillment.bootstrap import PLANS
from shared.runtime.bootstrap import main

if __name__ == "__main__":
    main(PLANS)
