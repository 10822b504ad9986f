"""A page with pictures of the documents that were judged wrongly, and the reasons."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from habeas.client.evaluation.judged import NEVER, EvaluationVerdicts
from habeas.client.evaluation.known_files import FileOutcome, Manifest
from habeas.client.evaluation.rates import type_of
from habeas.client.letters import TEMPLATES
from habeas.client.private_files import write_files
from services.verifier.documents.files.opener import open_file
from services.verifier.documents.files.picture import reduced
from shared.contract.events import Verdict

LONGEST_SIDE = 640
"""Of a picture on the page, in pixels."""


@dataclass(frozen=True, slots=True)
class JudgedWrongly:
    """A document that was judged wrongly."""

    outcome: FileOutcome
    picture: str
    """Name of its file; empty where the document cannot be shown."""

    @property
    def type(self) -> str:
        """The type of the document."""
        return type_of(self.outcome.entry)

    @property
    def accepted(self) -> bool:
        """Whether it was accepted, and must not be."""
        return self.outcome.row in NEVER


def write_failures(manifest: Manifest, judged: EvaluationVerdicts, folder: Path) -> Path:
    """
    Write a page with the documents of *manifest* that were judged wrongly, for its owner alone; return it.

    Raises ConfigurationError if it cannot be written.
    """
    wrong: list[JudgedWrongly] = []
    files: dict[str, bytes] = {}
    for number, outcome in enumerate(judged_wrongly(judged), 1):
        shown = _shown(manifest.content(outcome.entry))
        name = f"{number:03}.jpg" if shown else ""
        files |= {name: shown} if shown else {}
        wrong.append(JudgedWrongly(outcome, name))
    page = TEMPLATES.get_template("evaluation.html.jinja").render(wrong=wrong)
    write_files({**files, "index.html": page.encode()}, folder)
    return folder / "index.html"


def judged_wrongly(judged: EvaluationVerdicts) -> Iterator[FileOutcome]:
    """Yield bad documents that convince, then good ones that do not."""
    everything = (*judged.today, *judged.while_valid)
    yield from (one for one in everything if one.row in NEVER and one.found.marks[Verdict.CONVINCING.value])
    yield from (
        one for one in everything if one.row == "good" and not one.found.marks[Verdict.CONVINCING.value]
    )


def _shown(content: bytes) -> bytes:
    """Return the first page of a document as JPEG; nothing where it does not open."""
    pictures = open_file(content, "").pictures
    if not pictures:
        return b""
    drawn = BytesIO()
    Image.fromarray(reduced(pictures[0], LONGEST_SIDE)[0]).save(drawn, "JPEG", quality=80)
    return drawn.getvalue()
