"""
``python -m bench.clients CHECKOUT …``: runs clients of other projects unchanged, and prints their checks.

A checkout is one of

* OSIRAA, ``consumer-reports-innovation-lab/osiraa``; needs ``django psycopg2-binary validators arrow``
* Fides, ``ethyca/fides``: its Postman collection
* Guardian's controller, ``guardian/support-service-lambdas``; needs ``tsx zod @peculiar/x509`` in
  its ``node_modules``
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from bench.clients import fides, guardian, osiraa
from bench.clients.checks import Check, ClientRun
from bench.clients.trial import Trial, trial

Runner = Callable[[Path, Trial, Sequence[str]], Iterable[Check]]
CLIENTS: Mapping[Path, tuple[str, Runner]] = {
    osiraa.SOURCES: ("OSIRAA, DRP 1.0", osiraa.run),
    fides.COLLECTION: ("Fides' Postman collection", fides.run),
    guardian.SOURCES: ("Guardian's controller, OpenDSR 3.0", guardian.run),
}
"""A path of the checkout → client."""
EACH = 20
"""People of a client."""


def main(checkouts: Sequence[Path]) -> None:
    """Run the clients of *checkouts*."""
    with tempfile.TemporaryDirectory(prefix="habeas-clients-") as folder, trial(Path(folder)) as here:
        for number, checkout in enumerate(checkouts):
            name, run = next(one for path, one in CLIENTS.items() if (checkout / path).exists())
            people = here.people[number * EACH :][:EACH]
            ClientRun(name, [*run(checkout.absolute(), here, people)]).print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", metavar="CHECKOUT", nargs="+", type=Path)
    main(parser.parse_args().checkouts)
