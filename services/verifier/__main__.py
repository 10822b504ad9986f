"""Run the verifier: ``python -m services.verifier``."""

from services.verifier.bootstrap import PLANS
from shared.runtime.bootstrap import main

if __name__ == "__main__":
    main(PLANS)
