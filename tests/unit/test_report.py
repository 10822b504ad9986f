"""The report agrees with a naive count of the same requests, in every format."""

import csv
import io
import json
from collections import Counter
from datetime import date
from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from habeas.cli import app
from habeas.client.report.figures import DENIED, RESPONSES, figures
from habeas.client.report.writer import FIGURES, HEADINGS, as_csv, figures_as_csv, figures_as_json, page
from services.intake.cases.register import CountedRequest, RequestResult
from shared.errors import ConfigurationError
from shared.law import Right
from shared.quantiles import median as median_of_counts

LAWS = ("us-ca-ccpa", "gdpr")
GROUNDS = ("contract", "not_proven_in_time", "tax_law")


@st.composite
def requests(draw: st.DrawFn) -> CountedRequest:
    result = draw(st.sampled_from(RequestResult))
    days = draw(st.integers(0, 120)) if result in RESPONSES else None
    grounds = (
        draw(st.sets(st.sampled_from(GROUNDS))) if result in DENIED | {RequestResult.PARTLY_GRANTED} else ()
    )
    return CountedRequest(
        draw(st.sampled_from((2025, 2026))),
        draw(st.sampled_from(LAWS)),
        draw(st.sampled_from((Right.ACCESS, Right.ERASURE, Right.OPT_OUT_OF_SALE))),
        result,
        tuple(sorted(grounds)),
        draw(st.booleans()),
        days,
    )


@pytest.mark.slow
@given(st.lists(requests(), max_size=60))
def test_the_figures_are_those_of_a_naive_count(made: list[CountedRequest]) -> None:
    found = figures(Counter(made))
    groups = {(one.year, one.law, one.right) for one in made}
    assert {(one.year, one.law, one.right) for one in found} == groups
    for one in found:
        mine = [each for each in made if (each.year, each.law, each.right) == (one.year, one.law, one.right)]
        days = [each.days for each in mine if each.days is not None]
        assert one.received == len(mine)
        assert one.denied == sum(
            each.result in {RequestResult.REFUSED, RequestResult.LAPSED} for each in mine
        )
        assert one.median_days == (median(days) if days else None)
        assert one.mean_days == (round(fmean(days), 1) if days else None)
        assert one.plain()["late"] == sum(each.late for each in mine)
        for ground in GROUNDS:
            denied = [each for each in mine if each.result in DENIED and ground in each.grounds]
            assert one.denied_for[ground] == len(denied)


@pytest.mark.slow
@given(st.lists(requests(), max_size=60))
def test_every_request_has_one_result(made: list[CountedRequest]) -> None:
    for one in figures(Counter(made)):
        plain = one.plain()
        told = ["complied_in_whole", "complied_in_part", "denied", "nothing_held"]
        told += ["forwarded", "duplicate", "withdrawn", "open"]
        assert plain["received"] == sum(plain[name] for name in told)


@given(st.lists(st.integers(0, 100)))
def test_the_median_of_the_histogram_is_that_of_the_list(values: list[int]) -> None:
    assert median_of_counts(Counter(values)) == (median(values) if values else None)


DENIAL = CountedRequest(
    2026, "us-ca-ccpa", Right.ERASURE, RequestResult.REFUSED, ("no_try_left", "tax_law"), False, 12
)
LATE = CountedRequest(2026, "us-ca-ccpa", Right.ERASURE, RequestResult.GRANTED, (), True, 51)
FOUND = figures(Counter({DENIAL: 3, LATE: 1}))


def test_csv_and_json_say_the_same() -> None:
    [line] = csv.DictReader(io.StringIO(figures_as_csv(FOUND)))
    [plain] = json.loads(figures_as_json(FOUND))
    assert tuple(plain) == FIGURES == tuple(line)
    assert line["denied"] == str(plain["denied"]) == "3"
    assert line["denied_for"] == "no_try_left=3; tax_law=3"
    assert plain["denied_for"] == {"no_try_left": 3, "tax_law": 3}
    assert (plain["median_days"], plain["mean_days"], plain["late"]) == (12, 21.8, 1)


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
