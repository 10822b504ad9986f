"""The sealed content of a case, which the console opens on record for its account."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson

from habeas.client.console_api import ConsoleClient, ConsoleRefusal
from shared.errors import ConfigurationError, Unanswered

DRAWN_WITHIN_S = 30.0
"""How long the pictures of documents are waited for."""
PAUSE_S = 0.2
NOT_DRAWN = "the verifier has not drawn the documents yet: try again"


@dataclass(frozen=True, slots=True)
class ContentOpening:
    """The opening of a case at the console, by the account of its session."""

    console: ConsoleClient
    case: str
    reason: str
    code: Callable[[], str]
    """Returns the one-time code."""

    async def content(self) -> dict[str, Any]:
        """Return the content of the case; it is opened on record, unless the account has it open."""
        path = f"/cases/{self.case}/content"
        try:
            return await self.console.get(path)
        except ConsoleRefusal as refused:
            if refused.status != HTTPStatus.FORBIDDEN:
                raise
        return await self.console.call("POST", path, json={"reason": self.reason, "code": self.code()})

    async def plan(self) -> dict[str, Any]:
        """Return the outline of the erasure plan with an approval; raises ConfigurationError without one."""
        plan: dict[str, Any] | None = (await self.content())["plan"]
        if plan is None:
            raise ConfigurationError(f"request {self.case} has no erasure plan that needs an approval")
        return plan

    async def certificate(self) -> bytes:
        """Return the newest certificate, as it was signed; raises ConfigurationError without one."""
        known = (await self.content())["certificates"]
        if not known:
            raise ConfigurationError(f"request {self.case} has no certificate of erasure")
        return await self.item(known[-1]["item"])

    async def item(self, name: str) -> bytes:
        """Return an item of the content: a mail, a picture; the case is open."""
        path = f"/cases/{self.case}/content/{quote(name, safe='')}"
        return (await self.console.answer("GET", path)).content

    async def records(self) -> list[dict[str, Any]]:
        """Return the records of the package that waits for a review; the case is open."""
        found: list[dict[str, Any]] = []
        start: int | None = 0
        while start is not None:
            path = f"/cases/{self.case}/package"
            piece = await self.console.get(path, start=str(start))
            found, start = found + piece["records"], piece["next"]
        return found

    async def documents(self) -> list[dict[str, Any]]:
        """Return the drawn documents that are to prove something; raises Unanswered without them in time."""
        until = time.monotonic() + DRAWN_WITHIN_S
        while time.monotonic() < until:
            evidence = (await self.content())["evidence"]
            if not (evidence["pending"] or any(one["pending"] for one in evidence["documents"])):
                return list(evidence["documents"])
            await asyncio.sleep(PAUSE_S)
        raise Unanswered(NOT_DRAWN)

    async def pictures(self) -> tuple[dict[str, bytes], dict[str, list[str]]]:
        """Return the files with pictures and findings of documents by name, and why others are not shown."""
        files: dict[str, bytes] = {}
        withheld: dict[str, list[str]] = {}
        for document in await self.documents():
            name = f"{document['slot'] or 'document'}-{document['proof'][-8:]}"
            for number, page in enumerate(document["pages"], 1):
                files[f"{name}-{number}.jpg"] = await self.item(page)
            if document["report"] is not None:
                files[f"report-{document['proof'][-8:]}.json"] = _readable(document["report"])
            if reasons := _not_shown(document):
                withheld[name] = reasons
        return files, withheld


def _readable(report: Mapping[str, Any]) -> bytes:
    return orjson.dumps(report, option=orjson.OPT_INDENT_2)


def _not_shown(document: Mapping[str, Any]) -> list[str]:
    """Return the reasons for not showing a document, or not all of it; none if it is shown."""
    return [f"{document['more']} more pages"] if document["more"] else list(document["reasons"])
