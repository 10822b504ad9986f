"""
What a notice costs of a processor: ``python -m bench.notice_cost [--people N]``.

People of one batch, under California's law and the GDPR together, in Chinese (of which every character is
encoded); beside it the same people by way of :func:`services.notifier.letters.composer.compose`, which lays
out each
letter for itself, and beside that the bare copying of as many bytes.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from bench.figures import Figure, figure, report
from habeas.client.breach_specimens import EVERYTHING, INCIDENT, PERSON, WRITTEN_AT, notices
from habeas.client.specimens import LETTERS, SENDER, law_named, letter
from services.notifier.letters.composer import compose
from shared.contract.affected_people import MOST_IN_BATCH, NoticeRecipient

LAWS = ("us-ca@2026-01-01", "gdpr@2018-05-25")
LANGUAGE = "zh"
NANOSECONDS = 1_000
SEVERAL = 4
"""Sets of categories that people of a batch have."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0] if __doc__ else "")
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    told = parser.parse_args()
    report(measure(told.people, told.runs))


def measure(people: int, runs: int) -> list[Figure]:
    """Return what a notice costs, in microseconds of processor time."""
    crowd = list(everybody(people))
    written = [_each(_notices(crowd), people) for _ in range(runs)]
    copied = [_each(_copies(people), people) for _ in range(runs)]
    composed = [_each(_letters(people // 10), people // 10) for _ in range(runs)]
    first = [_each(_first_of_batch, 1) for _ in range(runs * 5)]
    return [
        figure("notice, beside copying its bytes", written, "µs", copied),
        figure("first notice of a batch", first, "µs"),
        figure("letter of a case, one by one", composed, "µs"),
    ]


def everybody(people: int) -> Iterable[NoticeRecipient]:
    """Yield *people* with names and addresses of their own, and a few sets of categories."""
    for number in range(people):
        yield PERSON.model_copy(
            update={
                "name": f"Amélia Example {number}",
                "email": f"person{number}@example.org",
                "categories": EVERYTHING[: 1 + number % SEVERAL],
            }
        )


def _notices(crowd: Sequence[NoticeRecipient]) -> Callable[[], None]:
    def write() -> None:
        for begin in range(0, len(crowd), MOST_IN_BATCH):
            writer = notices(LAWS, LANGUAGE)
            for number, person in enumerate(crowd[begin : begin + MOST_IN_BATCH]):
                writer.of(person, message_id=f"<{INCIDENT}.1.{begin}.{number}@example.com>")

    return write


def _first_of_batch() -> None:
    notices(LAWS, LANGUAGE).of(PERSON, message_id=f"<{INCIDENT}.1.0.0@example.com>")


def _copies(people: int) -> Callable[[], None]:
    whole = notices(LAWS, LANGUAGE).of(PERSON, message_id=f"<{INCIDENT}.1.0.0@example.com>")
    half = len(whole) // 2
    parts = (whole[:half], whole[half:])

    def copy() -> None:
        for _ in range(people):
            b"".join(parts)

    return copy


def _letters(people: int) -> Callable[[], None]:
    one = letter(LETTERS["refusal"], (law_named("gdpr"),), LANGUAGE)

    def write() -> None:
        for number in range(people):
            to = replace(one, name=f"Amélia Example {number}", to=f"person{number}@example.org")
            compose(to, sender=SENDER, message_id=f"<{number}@example.com>", date=WRITTEN_AT)

    return write


def _each(work: Callable[[], None], times: int) -> float:
    """Return the microseconds of processor time that each of *times* takes of *work*."""
    before = time.process_time_ns()
    work()
    return (time.process_time_ns() - before) / NANOSECONDS / times


if __name__ == "__main__":
    main()
