"""
A DROP of our own lists a person and awaits the statuses.

Usage: drop.py FOLDER EMAIL. `habeas drop pull` fetches the lists.
"""

import base64
import hashlib
import io
import re
import sys
import zipfile
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

from trial import keys, serve, until

folder, email = sys.argv[1:]
known = keys(folder)
statuses: dict[str, str] = {}
ROW = re.compile(rb"^(Listed\d+),(\d)", re.MULTILINE)


def hashed(value: str) -> str:
    """Return the hash of a standardized value."""
    return base64.b64encode(hashlib.sha256(value.encode()).digest()).decode()


listed = {"Listed000001": hashed(email.lower()), "Listed000002": hashed("absent@example.net")}


def answer(request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
    """Hand the lists out once, and take the statuses."""
    if request.headers.get("X-API-KEY") != known["drop"]:
        return 401, "application/json", b'{"message": "no such key"}'
    if request.path == "/data/download":
        if statuses:
            return 200, "application/json", b'{"message": "nothing new"}'
        return 200, "application/zip", archive()
    statuses.update((id_.decode(), status.decode()) for id_, status in ROW.findall(body))
    (name,) = re.findall(rb'filename="([^"]+)"', body)
    return 202, "application/json", b'{"accepted": [{"fileName": "%s"}], "rejected": []}' % name


def archive() -> bytes:
    """Return the lists: mail addresses, a row that cannot be read, and a list of an unknown kind."""
    made, day = io.BytesIO(), f"{datetime.now(UTC):%Y%m%d}_4821"
    rows = [*(f"{id_},{digest}" for id_, digest in listed.items()), "Listed000003,no hash"]
    with zipfile.ZipFile(made, "w") as lists:
        lists.writestr(f"{day}_Email.csv", "\n".join(["ID,Hash", *rows, ""]))
        lists.writestr(f"{day}_Fax.csv", "ID,Hash\n")
    return made.getvalue()


serve(answer, known["ports"]["drop"])
print("waiting; run: habeas drop pull", flush=True)
until(lambda: statuses if listed.keys() <= statuses.keys() else None, seconds=600)
print("statuses", *(f"{id_}={status}" for id_, status in sorted(statuses.items())))
