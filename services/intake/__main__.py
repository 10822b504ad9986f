"""Run intake: ``python -m services.intake``."""

from services.intake.bootstrap import PLANS
from shared.runtime.bootstrap import main

if __name__ == "__main__":
    main(PLANS)
