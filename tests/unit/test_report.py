"""The report has the same figures in every format."""

import csv
import io
import json
from datetime import date

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from habeas.client.report.writer import FIGURES, HEADINGS, as_csv, figures_as_csv, figures_as_json, page
from shared.errors import ConfigurationError

DENIAL = {
    "year": 2026,
    "law": "us-ca-ccpa",
    "right": "erasure",
    **dict.fromkeys(HEADINGS, 0),
    "of_which_lapsed": 0,
    "received": 4,
    "denied": 3,
    "complied_in_whole": 1,
    "late": 1,
    "median_days": 12,
    "mean_days": 21.8,
    "denied_for": {"no_try_left": 3, "tax_law": 3},
    "limited_for": {},
}
FOUND = [{name: DENIAL[name] for name in FIGURES}]


def test_csv_and_json_say_the_same() -> None:
    [line] = csv.DictReader(io.StringIO(figures_as_csv(FOUND)))
    [plain] = json.loads(figures_as_json(FOUND))
    assert tuple(plain) == FIGURES == tuple(line)
    assert line["denied"] == str(plain["denied"]) == "3"
    assert line["denied_for"] == "no_try_left=3; tax_law=3"
    assert plain["denied_for"] == {"no_try_left": 3, "tax_law": 3}


def test_no_cell_is_a_formula() -> None:
    assert as_csv([{"source": "=HYPERLINK(1)"}], ["source"]).splitlines()[1] == "'=HYPERLINK(1)"


def test_the_page_needs_no_network_and_every_table_says_what_it_shows() -> None:
    text = page(FOUND, 2026, {"us-ca-ccpa": "CCPA"}, on=date(2027, 1, 4), controller="A & <B>")
    assert text.count("<table") == text.count("<caption>") == 2
    assert "11 CCR §§ 7101 and 7102(a)(1)" in text
    assert "A &amp; &lt;B&gt;" in text
    assert "default-src 'none'" in text
    assert not any(word in text for word in ("http:", "https:", "<script", "src="))
    assert all(f'<th scope="col">{heading}</th>' in text for heading in HEADINGS.values())


def test_a_page_without_requests_says_so() -> None:
    assert "No request was received in 2026" in page([], 2026, {}, on=date(2027, 1, 4), controller="")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("--law", "ccpa"), "there is no such law; there are .*us-ca-ccpa", id="no such law"),
        pytest.param(("--register",), "--format csv, or --format json", id="a register is no table"),
    ],
)
def test_what_would_be_empty_and_believed_is_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        CliRunner().invoke(app, ["report", *words], catch_exceptions=False)
