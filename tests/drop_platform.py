"""
California's DROP, as its documents say that it behaves: a server of our own that keeps to the rules.

It hands lists out once and no others before they are answered, wants to be asked again while it puts them
together, is closed at night, and takes no file of another name, header, id or status.
"""

import asyncio
import base64
import io
import re
import secrets
import string
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

KEY = "the key of a data broker"
BROKER = "4821"
KINDS = ("NDZ", "Email", "Phone", "MAID", "NameVIN", "CTVID")
STATUSES = {"2", "3", "4", "5"}
NAME = re.compile(r"(?P<file>[0-9]{8}_[0-9]{4}_[A-Za-z]+)(_[A-Za-z0-9]{1,10})?\.csv")


def hash_of(standardised: str) -> str:
    """Return the hash of a value that is standardised already."""
    return base64.b64encode(sha256(standardised.encode()).digest()).decode()


def new_id() -> str:
    """Return the id of a request."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))


@dataclass
class California:
    """The platform, and what it knows of one data broker."""

    lists: Sequence[str] = KINDS
    clock: Callable[[], datetime] = lambda: datetime.now(UTC).replace(hour=20)
    """Midday there: tests are run at any hour, also while it is closed."""
    preparing: int = 0
    """How often it says that the lists are being put together."""
    waiting: dict[str, dict[str, str]] = field(default_factory=dict)
    """Requests that are not handed out yet: list → id → hash."""
    removed: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Requests that were withdrawn since: id → hash and list."""
    given: dict[str, dict[str, str]] = field(default_factory=dict)
    """Files that are handed out, until each row is answered: name without its ending → id → hash."""
    known: dict[str, str] = field(default_factory=dict)
    """All requests that were ever handed out: id → name of the file."""
    told: dict[str, int] = field(default_factory=dict)
    amended: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)
    """What it says next, instead."""

    def ask(self, kind: str, hashed: str) -> str:
        """Have somebody ask for the deletion of what *hashed* is of; return the request's id."""
        id_ = new_id()
        self.waiting.setdefault(kind, {})[id_] = hashed
        return id_

    def take_back(self, id_: str, kind: str) -> None:
        """Have somebody withdraw a request."""
        self.removed[id_] = (hash_of("withdrawn"), kind)

    def hand_out_again(self) -> None:
        """Let what was handed out be handed out again, as the state does when it is asked by telephone."""
        for file, rows in self.given.items():
            self.waiting.setdefault(file.rpartition("_")[2], {}).update(rows)
        self.given = {}

    @property
    def status(self) -> dict[str, int]:
        """What it was told of each request, in the end."""
        return self.told | self.amended

    @property
    def app(self) -> FastAPI:
        """The server."""
        app = FastAPI()
        app.add_api_route("/data/download", self._download, methods=["GET"])
        app.add_api_route("/data/upload", self._upload, methods=["POST"])
        app.add_api_route("/data/amend", self._amend, methods=["POST"])
        return app

    @asynccontextmanager
    async def open(self, certificate: Path | None = None) -> AsyncIterator[str]:
        """Serve on a port of this machine; yield the URL."""
        config = uvicorn.Config(
            self.app, port=0, log_config=None, lifespan="off", ssl_certfile=certificate and str(certificate)
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - a flag is all that uvicorn has
            await asyncio.sleep(0)
        scheme, host = ("https", "localhost") if certificate else ("http", "127.0.0.1")
        yield f"{scheme}://{host}:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await serving

    async def _download(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        if self.given:
            return _says("the previous download is not answered", 409)
        if self.preparing:
            self.preparing -= 1
            return _says("being prepared", 202, {"Retry-After": "1"})
        if not any(self.waiting.values()) and not self.removed:
            return _says("nothing new", 200)
        day = f"{self.clock():%Y%m%d}_{BROKER}"
        self.given = {f"{day}_{kind}": self.waiting.pop(kind, {}) for kind in self.lists}
        self.known |= {id_: file for file, rows in self.given.items() for id_ in rows}
        # What was asked for on no list of ours is nothing to answer; empty files need no answer either.
        archive = _archive(self.given, f"{day}_Removed", self.removed)
        self.removed, self.given = {}, {file: rows for file, rows in self.given.items() if rows}
        name = f'attachment; filename="{day}_DROP.zip"'
        return Response(archive, media_type="application/zip", headers={"Content-Disposition": name})

    async def _upload(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        if not self.given:
            return _says("there is no active download", 409)
        return await self._taken(request, self.told, lambda file, id_: id_ in self.given.get(file, {}))

    async def _amend(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        # What was never told is nothing to correct.
        return await self._taken(
            request, self.amended, lambda file, id_: self.known.get(id_) == file and id_ in self.told
        )

    def _refused(self, request: Request) -> Response | None:
        self.calls.append(f"{request.method} {request.url.path}")
        if request.headers.get("x-api-key") != KEY:
            return _says("no such key", 401)
        if self.answers:
            return self.answers.pop(0)
        local = self.clock().astimezone(ZoneInfo("America/Los_Angeles"))
        return _says("closed", 503) if 1 <= local.hour < 3 else None

    async def _taken(
        self, request: Request, told: dict[str, int], answerable: Callable[[str, str], bool]
    ) -> Response:
        async with request.form() as form:
            files = [
                (file.filename or "", await file.read())
                for file in form.getlist("files")
                if isinstance(file, UploadFile)
            ]
        accepted, rejected = [], []
        for name, content in files:
            problem = _problem(name, content, answerable)
            if problem:
                rejected.append({"fileName": name, "message": problem})
                continue
            accepted.append({"fileName": name, "fileSizeBytes": len(content)})
            told |= {id_: int(status) for id_, status in _rows(content)}
        if all(id_ in self.told for rows in self.given.values() for id_ in rows):
            self.given = {}
        body = {
            "message": "queued",
            "acceptedCount": len(accepted),
            "rejectedCount": len(rejected),
            "accepted": accepted,
            "rejected": rejected,
        }
        return JSONResponse(body, 202 if accepted else 400)


def _problem(name: str, content: bytes, answerable: Callable[[str, str], bool]) -> str:
    if not NAME.fullmatch(name):
        return "no such name"
    if content.partition(b"\n")[0].rstrip(b"\r") != b"Id,Status":
        return "the header is not Id,Status"
    rows = _rows(content)
    if not rows:
        return "the file is empty"
    if any(status not in STATUSES for _, status in rows):
        return "no such status"
    if not all(answerable(_file_of(name), id_) for id_, _ in rows):
        return "no such request"
    return ""


def _file_of(name: str) -> str:
    found = NAME.fullmatch(name)
    return found["file"] if found else ""


def _rows(content: bytes) -> list[tuple[str, str]]:
    lines = content.decode().splitlines()[1:]
    return [(line.partition(",")[0], line.partition(",")[2]) for line in lines]


def _archive(
    files: Mapping[str, Mapping[str, str]], name: str, removed: Mapping[str, tuple[str, str]]
) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, rows in files.items():
            archive.writestr(f"{file}.csv", "\n".join(["ID,Hash", *map(",".join, rows.items()), ""]))
        if removed:
            lines = [f"{id_},{hashed},{kind}" for id_, (hashed, kind) in removed.items()]
            archive.writestr(f"{name}.csv", "\n".join(["ID,Hash,ListType", *lines, ""]))
    return made.getvalue()


def _says(message: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"message": message}, status, headers)
