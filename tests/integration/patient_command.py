"""
The command ``habeas``, whose answers wait longer for their effect.

People would rather see an unfinished page than wait for half a minute; tests run on machines that may stand
still for so long, and assert what is shown after the effect. The limits themselves are tried with fakes.
"""

from datetime import timedelta

from habeas.cli import main
from services.console import case_work
from services.console.decisions import submission
from services.intake.channels.fides import reviews, service
from services.intake.http import callbacks, letter_previews
from shared.runtime.staff_api import StaffApi

PATIENCE_S = 40.0
MOST_LOOKS = 400


def wait_longer() -> None:
    """Change the limits of this process."""
    for module in (submission, case_work):
        setattr(module, "SEEN_WITHIN_S", PATIENCE_S)  # noqa: B010  it is Final there
    StaffApi.effect.__defaults__ = StaffApi.effects.__defaults__ = (PATIENCE_S, None)
    reviews.LOOKS = service.LOOKS = MOST_LOOKS
    callbacks.LONGEST = timedelta(seconds=PATIENCE_S)
    letter_previews.PATIENCE = timedelta(seconds=25)  # the console asks intake for no longer than 30


if __name__ == "__main__":
    wait_longer()
    main()
