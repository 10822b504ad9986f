"""
Writes the software bill of materials (CycloneDX 1.5) of the locked dependencies, with their licenses.

Run it with ``python scripts/bill_of_materials.py < exported.json > habeas.cdx.json``; scripts/release does.

It reads what ``uv export --format cyclonedx1.5`` prints. Licenses are those of the installed packages.
Two runs on one lock file write the same bytes.
"""

import json
import os
import sys
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

SPDX = {
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""Names in packages' metadata, and their identifiers (spdx.org/licenses)."""
UNKNOWN = "unknown"


def license_of(package: Distribution) -> str:
    """Return the license of *package*: its SPDX expression, else its classifiers, else its text."""
    metadata = package.metadata
    if expressions := metadata.get_all("License-Expression"):
        return str(expressions[0])
    classifiers = [
        name
        for line in metadata.get_all("Classifier") or ()
        if line.startswith("License ::") and (name := line.split(" :: ")[-1]) != "OSI Approved"
    ]
    stated = classifiers or [(metadata.get_all("License") or [UNKNOWN])[0].splitlines()[0]]
    return " AND ".join(SPDX.get(name, name) for name in stated)


def licensed(components: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *components* with the licenses of those that are installed."""
    found = []
    for component in components:
        try:
            name = license_of(distribution(component["name"]))
        except PackageNotFoundError:  # of another platform
            name = UNKNOWN
        found.append({**component, "licenses": [{"license": {"name": name}}]})
    return found


def reproducible(bill: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return *bill* with the time *at*, and a serial number that follows from its content."""
    bill["metadata"]["timestamp"] = at.isoformat().replace("+00:00", "Z")
    bill.pop("serialNumber", None)
    content = json.dumps(bill, sort_keys=True)
    return {**bill, "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, content).urn}


def main() -> None:
    """Read the export on standard input, and write the bill."""
    bill = json.load(sys.stdin)
    bill["components"] = licensed(bill["components"])
    at = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    json.dump(reproducible(bill, at), sys.stdout, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
