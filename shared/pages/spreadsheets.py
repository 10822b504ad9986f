"""Rows of CSV files for spreadsheets, which take some texts for formulas. Pure."""

import csv
import io
import unicodedata
from collections.abc import Iterable

SIGNS = ("=", "+", "-", "@")
BREAKS = ("\t", "\r", "\n")


def safe_cell(text: str) -> str:
    """Return *text*, with an apostrophe before it if a spreadsheet would read it as a formula."""
    if text[:1].isalnum():  # nearly all do
        return text
    first = unicodedata.normalize("NFKC", text.lstrip()[:1])  # signs have other widths, too
    return f"'{text}" if first.startswith(SIGNS) or text.lstrip(" \u00a0").startswith(BREAKS) else text


def csv_row(cells: Iterable[object]) -> str:
    """Return *cells* as a row of CSV, None as an empty cell; no cell is a formula."""
    text = io.StringIO()
    csv.writer(text).writerow(["" if cell is None else safe_cell(str(cell)) for cell in cells])
    return text.getvalue()
