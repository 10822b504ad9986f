"""What the policies say, which of them counts, and what is said of a file that is none."""

from datetime import date
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.law import Policy, PolicyLibrary, Regulation, Right, SourceStatus, TimedDuty
from shared.law.library import FOLDER, policies, read, require_known

EVERY = [pytest.param(policy, id=policy.id) for policy in policies()]
OPT_OUTS = (Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE)
WHOLE = """law: utopia
edition: 2026-01-01
name: Utopia
periods:
  - { duty: answer, rights: all, length: 1, unit: month, day_off: next working day,
      provision: Art. 1, counting: Art. 2, read: text }
sources:
  - { read: text, place: The Gazette of Utopia, date: 2026-01-01 }
"""
UNREAD = WHOLE.replace("read: text }\nsources", "read: unread }\nsources")


@pytest.mark.parametrize("policy", EVERY)
def test_every_law_says_when_each_right_is_answered(policy: Policy) -> None:
    assert all(policy.answer(right).length > 0 for right in Right)


@pytest.mark.parametrize("right", OPT_OUTS)
def test_everybody_opts_out_within_15_business_days_without_extension(right: Right) -> None:
    assert {policy.answer(right).period for policy in policies()} == {"15 business days"}
    assert {policy.rule(TimedDuty.EXTENDED_ANSWER, right) for policy in policies()} == {None}


@pytest.mark.parametrize("policy", EVERY)
def test_an_extension_only_ever_gives_more_time(policy: Policy) -> None:
    for ordinary, extended in (
        (TimedDuty.ANSWER, TimedDuty.EXTENDED_ANSWER),
        (TimedDuty.APPEAL, TimedDuty.EXTENDED_APPEAL),
    ):
        for right in Right:
            longer, shorter = policy.rule(extended, right), policy.rule(ordinary, right)
            assert longer is None or (shorter is not None and longer.length > shorter.length)


def test_cautious_period_includes_the_day_of_receipt_and_ends_before_days_off() -> None:
    cautious = [rule for policy in policies() for rule in policy.periods if rule.counting == "Our caution"]
    assert {(rule.first_day, rule.day_off) for rule in cautious} == {("receipt", "working day before")}


def test_a_number_that_no_text_gives_is_called_ours() -> None:
    """PIPL Art. 50 says "in time"."""
    assert policies().in_force("cn-pipl", date(2026, 1, 1)).answer(Right.ACCESS).read is SourceStatus.OURS


@pytest.mark.parametrize(
    ("law", "day", "edition"),
    [
        pytest.param("uk-gdpr", date(2026, 2, 4), "uk-gdpr@2021-01-01", id="the day before"),
        pytest.param("uk-gdpr", date(2026, 2, 5), "uk-gdpr@2026-02-05", id="the first day"),
        pytest.param("us-ca-ccpa", date(2025, 12, 31), "us-ca-ccpa@2023-01-01", id="the last day of the old"),
        pytest.param("us-ca-ccpa", date(2030, 1, 1), "us-ca-ccpa@2026-01-01", id="long after"),
        pytest.param("gdpr", date(1999, 1, 1), "gdpr@2018-05-25", id="before the first: the first"),
    ],
)
def test_the_edition_counts_that_is_in_force_on_the_day(law: str, day: date, edition: str) -> None:
    assert policies().in_force(law, day).id == edition


@pytest.mark.parametrize(
    ("regulation", "law"),
    [(Regulation.GDPR, "gdpr"), (Regulation.UK_GDPR, "uk-gdpr"), (Regulation.CCPA, "us-ca-ccpa")],
)
def test_requests_are_judged_by_the_law_that_they_are_answered_under(
    regulation: Regulation, law: str
) -> None:
    assert policies().governing(regulation, date(2026, 6, 1)).law == law


def test_unknown_law_is_an_error_that_names_the_known() -> None:
    with pytest.raises(ConfigurationError, match="'utopia': there is none; known are br-lgpd"):
        policies().in_force("utopia", date(2026, 1, 1))


def test_an_edition_that_was_taken_away_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"policies/gdpr@2016-04-27\.yaml: no such edition"):
        policies().named("gdpr@2016-04-27")


def test_a_state_counts_by_the_model_where_it_says_nothing_itself() -> None:
    virginia, utah = (policies().in_force(law, date(2026, 1, 1)) for law in ("us-va", "us-ut"))
    assert virginia.rule(TimedDuty.APPEAL, Right.ACCESS) != utah.rule(TimedDuty.APPEAL, Right.ACCESS)
    assert utah.answer(Right.ACCESS).provision == "Common model of the laws of the States"


def test_a_model_that_is_missing_or_goes_in_a_circle_is_an_error() -> None:
    gdpr = Policy(law="a", edition=date(2026, 1, 1), name="A", model="b@2026-01-01")
    other = Policy(law="b", edition=date(2026, 1, 1), name="B", model="a@2026-01-01")
    for among in ([gdpr], [gdpr, other]):
        with pytest.raises(ConfigurationError, match="missing, or in a circle"):
            PolicyLibrary(among)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(WHOLE.replace("length: 1", "length: -1"), "periods.0.length", id="a wrong value"),
        pytest.param(WHOLE.replace("day_off", "dayoff"), "periods.0.dayoff", id="an unknown name"),
        pytest.param(WHOLE.replace("provision: Art. 1,", ""), "periods.0.provision", id="no provision"),
        pytest.param(WHOLE.replace(" day_off: next working day,", ""), "day_off is needed", id="no day off"),
        pytest.param(WHOLE.replace("length: 1", "length: -1"), "line 5: ", id="its line"),
        pytest.param(
            WHOLE.replace("read: text, place", "read: secondary, place"),
            "line 6: periods.0.read: Value error, Art. 1 is said to be text",
            id="a text without a source",
        ),
        pytest.param(
            WHOLE.replace("{ read: text,", "{ provisions: Art. 7, read: text,"),
            "no entry of sources",
            id="a source of other provisions",
        ),
        pytest.param(
            WHOLE.replace("Art. 1,", '"Art. 1; Code 2",').replace(
                "{ read: text,", "{ provisions: Art, read: text,"
            ),
            "no entry of sources",
            id="a source of one provision of two",
        ),
        pytest.param(
            WHOLE.replace(", date: 2026-01-01 }", " }"),
            "line 8: sources.0: Value error, date is needed",
            id="a text read on no day",
        ),
        pytest.param("law: [", "line 2: is no YAML", id="no YAML"),
        pytest.param("law: a\nlaw: b", "line 2: the name law is repeated", id="repeated name"),
        pytest.param("", "whole", id="nothing"),
        pytest.param(WHOLE.replace("law: utopia", "law: atlantis"), "holds atlantis@", id="misnamed"),
    ],
)
def test_a_file_that_is_no_policy_is_named_with_the_place(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "utopia@2026-01-01.yaml").write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path)
    assert str(caught.value).startswith("policies/utopia@2026-01-01.yaml: ")
    assert told in str(caught.value)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "utopia@2026-01-01.yaml").write_text(WHOLE)
    assert [policy.id for policy in read(tmp_path)] == ["utopia@2026-01-01"]


def test_law_with_unread_deadline_applies_only_when_accepted(tmp_path: Path) -> None:
    (tmp_path / "utopia@2026-01-01.yaml").write_text(UNREAD)
    library = read(tmp_path)
    (utopia,) = library
    assert [library.accepting(laws).applies(utopia) for laws in ((), ("utopia",), ("all",))] == [
        False,
        True,
        True,
    ]
    assert library.not_accepted(date(2025, 1, 1)) == library.not_accepted(date(2027, 1, 1)) == [utopia]
    assert library.accepting(["all"]).not_accepted(date(2027, 1, 1)) == []


def test_acceptance_of_an_unknown_law_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="'utopia': there is none; known are"):
        require_known(["gdpr", "us-tx", "us-ca", "all", "utopia"])


@pytest.mark.parametrize("policy", EVERY)
def test_each_read_value_names_the_place_and_each_text_the_day_of_its_reading(policy: Policy) -> None:
    for _, value in policy.located_values():
        sources = policy.sources_of(value)
        assert bool(sources) is (value.read in {SourceStatus.TEXT, SourceStatus.SECONDARY})
        assert all(source and source.place for source in sources)
        assert value.read is not SourceStatus.TEXT or all(source and source.date for source in sources)


def test_an_installation_without_policies_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no policies are here"):
        read(tmp_path)


def test_the_files_lie_where_the_package_finds_them() -> None:
    assert len(list(FOLDER.glob("*.yaml"))) > len(list(policies()))
