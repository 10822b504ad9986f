"""Rows of CSV files for spreadsheets, which take some texts for formulas. Pure."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable

SIGNS = ("=", "+", "-", "@")
BREAKS = ("\t", "\r", "\n")
WIDE_SIGNS = "\u207a\u207c\u208a\u208c\u2a75\u2a76\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
"""The signs in other widths."""
SPLIT = re.compile(rf"([;\t\r\n]\s*)(?=[=+\-@{WIDE_SIGNS}])")
"""
A break inside a cell before a sign. A spreadsheet that splits rows at semicolons, as in German, reads a cell
of its own there, quoted or not.
"""


def safe_cell(text: str) -> str:
    """Return *text*, with an apostrophe before each sign that a spreadsheet would begin a formula at."""
    text = SPLIT.sub(r"\1'", text)
    if text[:1].isalnum():  # nearly all do
        return text
    first = unicodedata.normalize("NFKC", text.lstrip()[:1])  # signs have other widths, too
    return f"'{text}" if first.startswith(SIGNS) or text.lstrip(" \u00a0").startswith(BREAKS) else text


def csv_row(cells: Iterable[object]) -> str:
    """Return *cells* as a row of CSV, None as an empty cell; no cell is a formula."""
    text = io.StringIO()
    csv.writer(text).writerow(["" if cell is None else safe_cell(str(cell)) for cell in cells])
    return text.getvalue()
