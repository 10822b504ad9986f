"""Readers of the repository's documents for tests."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_OURS = {
    ".git", ".venv", ".tools", ".state", ".sample", ".tutorial", "__pycache__", ".mypy_cache", ".ruff_cache",
    ".pytest_cache", ".hypothesis", ".import_linter_cache", "dist", "secrets", "results", "node_modules",
}  # fmt: skip
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def text(name: str) -> str:
    """Return a document by its path from the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def documents() -> list[str]:
    """Return the paths of all documents."""
    return sorted(str(path.relative_to(ROOT)) for path in files() if path.suffix == ".md")


def files() -> Iterator[Path]:
    """Yield every file of the repository; without files of tools."""
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in NOT_OURS]
        yield from (Path(folder) / name for name in names if name not in NOT_OURS)


def commands(name: str) -> list[str]:
    """Return the command lines that a document shows, in blocks and in its text."""
    page = text(name)
    lines = [
        line.split("  #")[0].strip()
        for block in CONSOLE.findall(page)
        for line in block.replace("\\\n", " ").splitlines()
    ]
    return lines + INLINE.findall(FENCED.sub("", page))


def rows(name: str, heading: str) -> list[list[str]]:
    """Return the rows of the table under a heading, without its head; each as its cells."""
    section = text(name).partition(f"# {heading}\n")[2]
    lines = re.split(r"^#+ ", section, maxsplit=1, flags=re.MULTILINE)[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def anchors(name: str) -> set[str]:
    """Return the anchors of a document's headings, as the hosting platform forms them."""
    titles = HEADING.findall(FENCED.sub("", text(name)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def demo_output() -> str:
    """Return the output of the demonstration as documented."""
    return text("docs/tutorials/demo.md").partition("```text\n")[2].partition("```")[0]


def shape(output: str) -> list[str]:
    """Return the lines of the demonstration without values that differ between two runs; codes as `BBBB`."""
    lines = [re.split(r" {2,}", line.strip()) for line in output.splitlines() if line.strip()]
    return [
        "  ".join(
            (re.sub(r"\d+", "…", name), *(code_shape(one) for one in values if one.startswith("code ")))
        )
        for name, *values in lines
    ]


def code_shape(shown: str) -> str:
    """Return a code with the same digit and letter in each place."""
    return re.sub("[A-Z]", "B", re.sub("[0-9]", "0", shown))
