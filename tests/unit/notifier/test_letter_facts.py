"""Each sentence of a letter that states a fact stands there if the fact is true, and only then."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.notifier import letters
from services.notifier.bootstrap import log_gaps
from services.notifier.context import sender_settings_of
from services.notifier.letters.composer import render
from services.notifier.letters.letter_models import (
    AccessOutcome,
    Acknowledgement,
    ComplaintDecided,
    Deed,
    ErasureOutcome,
    IdentityCheck,
    LetterFacts,
    RefusalLetter,
    RequestDone,
)
from services.notifier.letters.translations import title
from shared.contract.answer import (
    Answer,
    AnswerGroup,
    DeclinedCorrection,
    KeptGroup,
    LeftGroup,
    WithheldGroup,
)
from shared.contract.events import (
    AppealReceived,
    Fact,
    IdentityReviewNeeded,
    MessageWritten,
    Outcome,
    RecipientFailed,
    ReferralDecided,
    RequestFulfilled,
    RequestReferred,
    StopDecided,
)
from shared.contract.references import short_reference
from shared.law import ReasonCode, Regulation, Right
from shared.law.library import EXAMPLE, company
from tests.unit.notifier.sample_letters import DONE, DUE, LETTERS, PACKAGE, RECEIVED, SENDER, access, letter

GDPR, CCPA = Regulation.GDPR, Regulation.CCPA
ACCOUNTS = (AnswerGroup(label="Accounts", records=2),)
INVOICES = KeptGroup(
    label="Invoices", records=7, reason="retention_duty", citation="§ 147 AO", until=date(2034, 12, 31)
)
HELD = KeptGroup(label="Complaints", records=1, reason="legal_hold", citation="GDPR Art. 17(3)(e)")
LOCKED = INVOICES.model_copy(update={"locked": True})
FIXED = KeptGroup(label="Invoices", records=1, reason="not_changeable")
DISPUTED = (DeclinedCorrection(label="Date of birth", reason="not_editable"),)


def erasure(outcome: Outcome, **held: Any) -> ErasureOutcome:
    assert outcome is not Outcome.REFUSED
    return ErasureOutcome(outcome, RECEIVED, DONE, "C-17", Answer(**held))


def done(right: Deed, **held: Any) -> RequestDone:
    return RequestDone(right, RECEIVED, DONE, answer=Answer(**held))


def refused(**held: Any) -> RefusalLetter:
    return RefusalLetter(Right.ERASURE, RECEIVED, (ReasonCode.RETENTION_DUTY,), Answer(**held))


def objection(*, direct_marketing: bool) -> Acknowledgement:
    return Acknowledgement(Right.OBJECTION, RECEIVED, DUE, IdentityCheck.NONE, direct_marketing)


def denied(*, statement_kept: bool) -> RequestDone:
    return done(Right.RECTIFICATION, declined=DISPUTED, statement_kept=statement_kept)


ERASED = erasure(Outcome.GRANTED, erased=ACCOUNTS)
IN_PART = erasure(Outcome.PARTLY_GRANTED, masked=ACCOUNTS, kept=(INVOICES,))
NONE_ERASED = erasure(Outcome.PARTLY_GRANTED, kept=(FIXED,))
DATED = erasure(Outcome.GRANTED, erased=ACCOUNTS, backups_until=date(2027, 2, 1))
NO_DATA = erasure(Outcome.GRANTED)
OPEN = access(Outcome.GRANTED)
OPT_OUT: Deed = Right.OPT_OUT_OF_SALE
LIMIT: Deed = Right.LIMIT_SENSITIVE_USE

SECRET = WithheldGroup(label="Password", reason="never_disclosed", values=1)
COPIED = replace(ERASED, package=PACKAGE)
WITHHELD = replace(erasure(Outcome.GRANTED, erased=ACCOUNTS, withheld=(SECRET,)), package=PACKAGE)

SENTENCES: list[tuple[str, LetterFacts, LetterFacts]] = [
    ("A second search of our systems found nothing more to erase.", ERASED, IN_PART),
    ("A second search of our systems found nothing more to erase.", ERASED, NO_DATA),
    ("except for the records listed below", IN_PART, NONE_ERASED),
    ("We have not erased any of your data.", NONE_ERASED, IN_PART),
    ("we found no data about you that had to be erased", NO_DATA, ERASED),
    ("we will erase the records after that date", IN_PART, NONE_ERASED),
    ("we will erase the records after that date", refused(kept=(INVOICES,)), refused(kept=(HELD,))),
    ("The records that a law obliges us to keep are locked", refused(kept=(LOCKED, HELD)), IN_PART),
    ("are locked against any other use", refused(kept=(LOCKED,)), refused(kept=(LOCKED, INVOICES))),
    ("are locked against any other use", refused(kept=(LOCKED,)), refused(kept=(HELD,))),
    ("Backups may hold your data until 1 February 2027.", DATED, ERASED),
    ("Backups may hold your data until they expire.", ERASED, DATED),
    ("we will erase your data again before we use it", ERASED, NONE_ERASED),
    ("Our records name no recipient", ERASED, NONE_ERASED),
    ("Our records name no recipient", ERASED, erasure(Outcome.GRANTED, erased=ACCOUNTS, by_hand=("X",))),
    ("What is not in it, and why", WITHHELD, COPIED),
    ("We will also ask", erasure(Outcome.GRANTED, erased=ACCOUNTS, recipients=("X",)), ERASED),
    ("Our staff will also ask", erasure(Outcome.GRANTED, erased=ACCOUNTS, by_hand=("X",)), ERASED),
    ("We will notify these recipients:", done(Right.RECTIFICATION, recipients=("X",)), done(OPT_OUT)),
    (
        "Recipients of your data",
        done(Right.RECTIFICATION, by_hand=("X",)),
        done(OPT_OUT, by_hand=("X",), unsearched=True),
    ),
    (
        "We will notify these recipients, whether or not they have data about you:",
        done(OPT_OUT, recipients=("X",), unsearched=True),
        done(OPT_OUT, recipients=("X",)),
    ),
    (
        "Our staff will notify these recipients, whether or not they have data about you:",
        done(OPT_OUT, by_hand=("X",), unsearched=True),
        done(OPT_OUT, by_hand=("X",)),
    ),
    ("We keep your statement with your request", denied(statement_kept=True), denied(statement_kept=False)),
    ("You can ask again and add a short statement", denied(statement_kept=False), done(Right.RECTIFICATION)),
    (
        "We will stop using your data for direct marketing.",
        objection(direct_marketing=True),
        objection(direct_marketing=False),
    ),
    ("or explain why we may continue", objection(direct_marketing=False), objection(direct_marketing=True)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("sentence", "true", "false"), SENTENCES)
def test_sentence_stands_in_a_letter_only_if_its_fact_is_true(
    sentence: str, true: LetterFacts, false: LetterFacts
) -> None:
    assert sentence in render(letter(true), SENDER).text
    assert sentence not in render(letter(false), SENDER).text


STAFF_WORK: dict[str, type[Fact]] = {
    "Our staff will also ask these recipients to erase it:": RecipientFailed,
    "Our staff will notify these recipients:": RecipientFailed,
    "Our staff will notify these recipients, whether or not they have data about you:": RecipientFailed,
    "What our staff checks": RequestReferred,
    "A request cannot change some of the data that you dispute. Our staff will check whether it is correct, "
    "and you will receive our answer.": RequestReferred,
    "We recorded that your data may no longer be used for direct marketing. Our staff will decide whether we "
    "may use it for other purposes. Until then it is marked as restricted and may only be stored.": (
        RequestReferred
    ),
    "Our staff is checking your proof": IdentityReviewNeeded,
    "We could not decide on your proof automatically. A member of our privacy staff will check it.": (
        IdentityReviewNeeded
    ),
    "Thank you. A person who did not make the first decision will look at your request again.": (
        AppealReceived
    ),
    "A person who did not make the first decision will look at it. You will receive a written decision with "
    "reasons within %(days)s days.": AppealReceived,
    "A reader of our letters stopped this request. Our privacy staff looked at it and ended it on %(day)s. "
    "We will not give out or erase anything more because of it.": StopDecided,
    "Our privacy staff has dealt with your request. Here is our answer.": ReferralDecided,
    "Our privacy staff writes to you about your request.": MessageWritten,
    "We keep your statement with your request, where our staff can find it, and have recorded that you "
    "dispute these details.": RequestFulfilled,
    "You can ask again and add a short statement. We will keep it with that request, where our staff can "
    "find it, and record that you dispute these details.": RequestFulfilled,
}
"""Sentence about work of people → the journalled fact that puts it on a list of the staff, or records it."""
PEOPLE_WORK = re.compile(r"\b(staff|by hand|did not make the first|will (remind|look after|help))\b")


def english_sentences() -> list[str]:
    catalogue = (Path(letters.__file__).parents[1] / "templates/locale/de.po").read_text()
    parts = re.findall(r'^msgid ((?:".*"\n)+)', catalogue, re.MULTILINE)
    return ["".join(re.findall(r'"(.*)"', part)) for part in parts]


def test_sentence_about_work_of_people_has_a_journalled_fact() -> None:
    """Work that no fact puts before the staff is not promised: nothing would show that it was left undone."""
    assert {one for one in english_sentences() if PEOPLE_WORK.search(one)} == set(STAFF_WORK)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("facts", "claimed"),
    [
        (done(Right.RESTRICTION, left=(LeftGroup(label="Logs", records=4, reason="not_markable"),)), "mark"),
        (done(Right.RESTRICTION, left=(LeftGroup(label="Logs", records=4, reason="not_taken"),)), "made"),
    ],
)
def test_records_that_were_not_changed_are_called_so(facts: LetterFacts, claimed: str) -> None:
    text = " ".join(render(letter(facts), SENDER).text.split())
    assert {"mark": "so they are not marked.", "made": "It was not made there."}[claimed] in text


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (ERASED, "We erased your data"),
        (IN_PART, "We erased your data, with exceptions"),
        (NONE_ERASED, "We have not erased your data"),
        (NO_DATA, "There was nothing to erase"),
        (done(OPT_OUT), "We did what you asked for"),
        (done(OPT_OUT, recipients=("X",)), "What we have done about your request"),
        (done(OPT_OUT, by_hand=("X",)), "What we have done about your request"),
    ],
)
def test_title_states_only_completed_actions(facts: LetterFacts, expected: str) -> None:
    assert title(facts) == expected


@pytest.mark.slow
@pytest.mark.parametrize("right", [OPT_OUT, LIMIT])
def test_twelve_months_without_a_question_are_stated_where_the_law_sets_them(right: Deed) -> None:
    """11 CCR § 7026(k), 7027(l)."""
    sentence = "For the next 12 months the law does not allow us to ask"
    assert sentence in render(letter(done(right), CCPA), SENDER).text
    assert sentence not in render(letter(done(right), GDPR), SENDER).text


@pytest.mark.slow
def test_use_of_kept_records_is_stated_as_a_limit_of_the_law() -> None:
    """Without the map's mark no lock stands between the records and other programs, so none is claimed."""
    text = render(letter(IN_PART), SENDER).text
    assert "We may use these records only for the reason given." in text
    assert "for that reason alone" not in text


def test_complaint_letter_states_no_remedy_of_its_own() -> None:
    upheld = ComplaintDecided(Right.ACCESS, RECEIVED, RECEIVED, True, (), "We will send the missing file.")
    text = render(letter(upheld), SENDER).text
    assert "You are right." in text
    assert "We will send the missing file." in text
    assert "put it right" not in text


@pytest.mark.parametrize(
    ("law", "cited", "foreign"),
    [(CCPA, "Cal. Civ. Code 1798.105(d)(8)", "GDPR"), (GDPR, "GDPR Art. 17(3)(b)", "Cal. Civ. Code")],
)
def test_law_of_the_company_is_named_as_such_and_the_readers_law_is_cited(
    law: Regulation, cited: str, foreign: str
) -> None:
    """A duty of one country is never shown to a reader as a provision of their law."""
    text = render(letter(refused(kept=(INVOICES, HELD)), law), SENDER).text
    own = "A law that applies to our company obliges us to keep these records: § 147 AO."
    assert f"{own} ({cited})" in text
    assert foreign not in text


@pytest.mark.parametrize("law", [CCPA, GDPR])
def test_hold_cites_the_readers_law_alone(law: Regulation) -> None:
    text = render(letter(refused(kept=(HELD,)), law), SENDER).text
    cited = {CCPA: "Cal. Civ. Code 1798.145(a)", GDPR: "GDPR Art. 17(3)(e)"}
    assert [one in text for one in cited.values()] == [one is law for one in cited]


UNVERIFIED = RefusalLetter(Right.ACCESS, RECEIVED, (ReasonCode.NOT_PROVEN_IN_TIME,))


def test_refusal_without_a_link_to_the_privacy_policy_offers_it_on_request() -> None:
    """11 CCR § 7024(b): the sentence is mandatory, whether or not the company has set the link."""
    linked = render(letter(UNVERIFIED, CCPA), SENDER).text
    assert SENDER.privacy_policy_url in linked
    unlinked = render(letter(UNVERIFIED, CCPA), replace(SENDER, privacy_policy_url="")).text
    assert f"Ask us for our privacy policy: {SENDER.contact_address}" in unlinked


def test_empty_lines_of_the_company_profile_are_logged_at_start_with_the_substitute() -> None:
    complete = {"privacy_policy": "https://www.example.com/p", "opt_out": "https://www.example.com/o"}
    with capture_logs() as lines:
        log_gaps(company(EXAMPLE).model_copy(update=complete))
        log_gaps(company(EXAMPLE).model_copy(update=dict.fromkeys(complete)))
    assert [(line["variable"], line["log_level"]) for line in lines] == [
        ("privacy_policy", "warning"),
        ("opt_out", "warning"),
    ]
    assert lines[0]["reason"] == "refusals offer the policy on request instead of a link"


def test_opt_out_link_leads_to_the_page_of_habeas_unless_the_company_has_its_own() -> None:
    """11 CCR § 7022(g): a letter about a denied deletion offers the opt-out."""
    profile = company(EXAMPLE).model_copy(update={"opt_out": None})
    house = sender_settings_of(profile, "privacy@example.com", public_url="https://privacy.example.com")
    assert house.sender.opt_out_url == "https://privacy.example.com/opt-out"
    assert "https://privacy.example.com/opt-out" in render(letter(IN_PART, CCPA), house.sender).text
    own = profile.model_copy(update={"opt_out": "https://www.example.com/choices"})
    house = sender_settings_of(own, "privacy@example.com", public_url="https://privacy.example.com")
    assert house.sender.opt_out_url == "https://www.example.com/choices"


def summary(facts: LetterFacts) -> list[str]:
    """Return the cells of the summary, in order."""
    found = re.search(
        r'<table id="summary"[^>]*>(.*?)</table>', render(letter(facts), SENDER).html, re.DOTALL
    )
    return re.findall(r"<t[hd][^>]*>([^<]*)<", found[1]) if found else []


def test_summary_of_an_erasure_counts_the_records() -> None:
    mixed = erasure(Outcome.PARTLY_GRANTED, erased=ACCOUNTS, masked=ACCOUNTS, kept=(INVOICES, HELD))
    assert summary(mixed) == [
        *("Records erased", "2", "Records that we removed your details from", "2"),
        *("Records that remain", "8"),
    ]
    assert summary(NONE_ERASED)[1::2] == ["0", "0", "1"]
    assert summary(erasure(Outcome.NOTHING_HELD)) == []


@pytest.mark.slow
def test_summary_of_an_access_counts_records_and_kinds_left_out() -> None:
    withheld = tuple(WithheldGroup(label="Password", reason="never_disclosed") for _ in range(2))
    answer = Answer(disclosed=ACCOUNTS, withheld=withheld)
    ready = AccessOutcome(Right.ACCESS, RECEIVED, Outcome.PARTLY_GRANTED, answer, PACKAGE)
    assert summary(ready)[:4] == ["Records in the package", "2", "Kinds of data left out", "1"]
    assert summary(replace(ready, answer=Answer(categories=("Contact details",)))) == []


@pytest.mark.slow
def test_values_that_were_not_counted_have_no_number() -> None:
    left_out = WithheldGroup(label="Password", reason="never_disclosed")
    for count, shown in ((0, "—"), (2, "2")):
        counted = left_out_letter(left_out.model_copy(update={"values": count}))
        assert f"How many: {shown}" in render(letter(counted), SENDER).text


def left_out_letter(group: WithheldGroup) -> AccessOutcome:
    answer = Answer(disclosed=ACCOUNTS, withheld=(group,))
    return AccessOutcome(Right.ACCESS, RECEIVED, Outcome.PARTLY_GRANTED, answer, PACKAGE)


def test_refusal_of_a_correction_states_a_common_reason_once() -> None:
    refusal = RefusalLetter(
        Right.RECTIFICATION, RECEIVED, (ReasonCode.NOT_EDITABLE,), Answer(declined=DISPUTED)
    )
    text = render(letter(refusal), SENDER).text
    assert text.count("We cannot change it on request.") == 1
    assert "- Date of birth" in text
    other = replace(refusal, reasons=(ReasonCode.EXCESSIVE,))
    assert "We cannot change it on request." in render(letter(other), SENDER).text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["proof wanted", "reminder", "categories"])
def test_first_table_of_a_long_letter_has_its_day(kind: str) -> None:
    html = render(letter(LETTERS[kind]), SENDER).html
    rows = re.search(r'<table id="request"[^>]*>(.*?)</table>', html, re.DOTALL)
    assert rows
    assert rows[1].count("<tr>") == 3
    assert re.search("When we need it|Package available until", rows[1])


@pytest.mark.parametrize("kind", ["in review", "duplicate", "late"])
def test_letter_shows_the_status_link_once(kind: str) -> None:
    text = render(replace(letter(LETTERS[kind]), page="https://privacy.example.com/requests/1"), SENDER).text
    assert text.count("See the status of your request") == 1


def test_masked_values_are_named_and_not_counted_as_left_out() -> None:
    masked = WithheldGroup(label="Bank account number", reason="masked_value", values=2)
    answer = Answer(disclosed=ACCOUNTS, withheld=(masked,))
    ready = AccessOutcome(Right.ACCESS, RECEIVED, Outcome.PARTLY_GRANTED, answer, PACKAGE)
    assert summary(ready)[:4] == ["Records in the package", "2", "Kinds of data left out", "0"]
    copied = replace(erasure(Outcome.GRANTED, erased=ACCOUNTS, withheld=(masked,)), package=PACKAGE)
    for letter_with_it in (ready, copied):
        text = render(letter(letter_with_it), SENDER).text
        assert "Bank account number" in text
        assert "at most the last characters are shown" in text


def test_letters_have_the_colours_of_the_company() -> None:
    own = replace(SENDER, colour="#7a1f5c", dark_colour="#f0b3d9")
    html = render(letter(ERASED), own).html
    assert "a{color:#7a1f5c}" in html
    assert ".from,a{color:#f0b3d9!important}" in html
    assert "@colour@" not in html
    assert render(letter(OPEN), own).html.count("background:#7a1f5c") == 1, "its button"


def test_first_letter_links_the_page_of_the_request() -> None:
    written = replace(
        letter(objection(direct_marketing=False)), page="https://privacy.example.com/requests/5f"
    )
    assert (
        "See the status of your request:\nhttps://privacy.example.com/requests/5f"
        in render(written, SENDER).text
    )
    assert short_reference(written.request_id) in render(written, SENDER).text
    assert written.request_id not in render(written, SENDER).text
