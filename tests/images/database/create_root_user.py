#!/usr/bin/env python3
"""Create the first root user in an empty /data/db, with a mongod that only this container reaches."""

import os
import subprocess
import sys
from pathlib import Path

from pymongo import MongoClient

DATA = Path("/data/db")


def password() -> str:
    """Return the password from the environment or from the file it names."""
    named = os.environ.get("MONGO_INITDB_ROOT_PASSWORD_FILE")
    return Path(named).read_text().strip() if named else os.environ["MONGO_INITDB_ROOT_PASSWORD"]


def main() -> None:
    """Leave at once when there is data already."""
    if (DATA / "WiredTiger").exists():
        return
    server = subprocess.Popen(  # noqa: S603  every word is written here
        ["/usr/bin/mongod", "--bind_ip", "127.0.0.1", "--dbpath", str(DATA)], stdout=subprocess.DEVNULL
    )
    client: MongoClient[dict[str, object]]
    with MongoClient("127.0.0.1", 27017) as client:
        client.admin.command(
            "createUser",
            os.environ["MONGO_INITDB_ROOT_USERNAME"],
            pwd=password(),
            roles=[{"role": "root", "db": "admin"}],
        )
    server.terminate()
    sys.exit(server.wait())


main()
