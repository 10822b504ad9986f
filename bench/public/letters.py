"""Letters as their recipients get them: from the folder of a mail catcher, or from Mailpit's HTTP API."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

import httpx

from shared.contract.codes import ALONE

STOP_LINK = re.compile(r"\S+(/stop/[\w-]+)")


@dataclass(frozen=True, slots=True)
class PublicLetter:
    """A letter in a mailbox."""

    recipients: tuple[str, ...]
    message_id: str
    request_id: str
    """The request that its header names; empty in a letter about none."""
    subject: str
    text: str = field(repr=False)

    @property
    def code(self) -> str | None:
        """The one-time code in it."""
        found = ALONE.search(self.text)
        return found[1] if found else None

    @property
    def stop_path(self) -> str | None:
        """The path of its link for people who did not ask."""
        found = STOP_LINK.search(self.text)
        return found[1] if found else None


class LetterSource(Protocol):
    """A place where letters arrive."""

    async def fetch(self) -> Sequence[PublicLetter]:
        """Return the letters that arrived since the last call; none while the place does not answer."""


@dataclass(slots=True)
class FolderLetters:
    """The folder of the mail catcher of ``habeas up``."""

    folder: Path
    link: str = ""
    """Part of every letter of the installation, where others put letters into the same folder."""
    _known: set[str] = field(default_factory=set)

    async def fetch(self) -> Sequence[PublicLetter]:
        """Return the letters that arrived since the last call."""
        # A listing may show a letter and lack an earlier one: all that were not seen are new.
        new = sorted(path for path in self.folder.glob("*.eml") if path.name not in self._known)
        self._known |= {path.name for path in new}
        letters = (letter_of(path.read_bytes()) for path in new)
        return [letter for letter in letters if self.link in letter.text]


@dataclass(slots=True)
class MailpitLetters:
    """Mailpit, by its HTTP API (``/api/v1/messages``, ``/api/v1/message/{id}/raw``)."""

    url: str
    page: int = 200
    """Letters that are listed at a time."""
    _known: set[str] = field(default_factory=set)

    async def fetch(self) -> Sequence[PublicLetter]:
        """Return the letters that arrived since the last call; none while Mailpit does not answer."""
        found: list[PublicLetter] = []
        try:
            async with httpx.AsyncClient(base_url=self.url, timeout=10, trust_env=False) as http:
                for id_ in reversed(await self._new(http)):
                    raw = await http.get(f"/api/v1/message/{id_}/raw")
                    found.append(letter_of(raw.raise_for_status().content))
                    self._known.add(id_)
        except httpx.HTTPError:
            pass  # what was not fetched is new at the next call
        return found

    async def _new(self, http: httpx.AsyncClient) -> list[str]:
        """Return the ids of unknown letters, newest first."""
        new: list[str] = []
        while True:
            answer = await http.get("/api/v1/messages", params={"start": len(new), "limit": self.page})
            listed = [one["ID"] for one in answer.raise_for_status().json()["messages"]]
            unknown = [id_ for id_ in listed if id_ not in self._known and id_ not in new]
            new += unknown
            if len(unknown) < self.page:
                return new


def letter_of(raw: bytes) -> PublicLetter:
    """Return the letter in *raw*, a message as the mail server stored it."""
    message = message_from_bytes(raw, policy=policy.default)
    envelope = message.get_all("Delivered-To", []) or message.get_all("To", [])
    part = message.get_body(("plain",))
    return PublicLetter(
        recipients=tuple(_bare(str(address)) for address in envelope),
        message_id=str(message["Message-ID"] or "").strip("<>"),
        request_id=str(message["X-Habeas-Request"] or ""),
        subject=str(message["Subject"] or ""),
        text=str(part.get_content()).replace("\r\n", "\n") if isinstance(part, EmailMessage) else "",
    )


def _bare(address: str) -> str:
    """Return the mailbox in *address*, as people with one compare it."""
    return address.rpartition("<")[2].strip("<> ").casefold()
