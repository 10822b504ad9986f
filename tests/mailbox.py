"""What a test sees of the mail server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from habeas.embedded.mailcatcher import CaughtMessage, letters


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The letters sent since a test began, and where to send some."""

    url: str
    folder: Path
    since: str

    @classmethod
    def from_now_on(cls, url: str, folder: Path) -> Self:
        """Leave out what *folder* holds already."""
        return cls(url, folder, max((path.name for path in folder.glob("*.eml")), default=""))

    def letters(self) -> list[CaughtMessage]:
        """Return them in order of arrival."""
        return list(letters(self.folder, after=self.since))

    def to(self, address: str) -> list[CaughtMessage]:
        """Return those for *address*."""
        return [letter for letter in self.letters() if address in letter.recipients]
