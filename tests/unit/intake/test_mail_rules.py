"""What mails ask for is understood by rules, in eight languages: rather not at all than wrongly."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.email.classification import (
    Clarity,
    MailMeaning,
    classify,
    folded,
    is_withdrawal,
    language_of,
)
from services.intake.channels.email.quotation import own_words
from services.intake.channels.email.rulebook import MailIntent, rulebook
from shared.law import Right

BOOK = rulebook()
BAG: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("mailbag.yaml").read_text(encoding="utf-8")
)
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "zh")
UNCLEAR = "unclear"


def read(words: str, subject: str = "") -> MailMeaning:
    return classify(subject, words, BOOK)


def wish_of(mail: dict[str, Any]) -> str:
    return str(classify(mail["subject"], own_words(mail["words"]), BOOK).wish or UNCLEAR)


def share(mails: list[dict[str, Any]]) -> float:
    return sum(wish_of(mail) == str(mail["wish"]) for mail in mails) / len(mails)


@pytest.mark.slow
def test_no_mail_of_the_bag_is_understood_wrongly_and_few_are_not_understood(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen = [mail for mail in BAG if not (mail.get("unseen") or mail.get("denied"))]
    unseen = [mail for mail in BAG if mail.get("unseen")]
    by_language = {name: share([mail for mail in BAG if mail["lang"] == name]) for name in LANGUAGES}
    by_language_shown = ", ".join(f"{name} {part:.0%}" for name, part in by_language.items())
    with capsys.disabled():
        sys.stdout.write(
            f"\nmails understood: {share(seen):.1%} of {len(seen)} that the rules were made with, "
            f"{share(unseen):.1%} of {len(unseen)} others; {by_language_shown}\n"
        )
    assert share([mail for mail in BAG if mail.get("denied")]) == 1
    wrong = [mail["words"] for mail in BAG if wish_of(mail) not in {mail["wish"], UNCLEAR}]
    assert wrong == []
    assert share(seen) >= 0.98
    assert share(unseen) >= 0.9
    assert min(by_language.values()) >= 0.9


def test_the_bag_has_enough_of_each_language() -> None:
    counts = Counter(mail["lang"] for mail in BAG)
    assert set(counts) == set(LANGUAGES)
    assert min(counts.values()) >= 8
    assert len(BAG) >= 80
    assert {MailIntent(mail["wish"]) for mail in BAG if mail["wish"] != UNCLEAR} >= set(MailIntent) - {
        MailIntent.KNOW_CATEGORIES
    }


@pytest.mark.slow
@pytest.mark.parametrize("mail", BAG, ids=lambda mail: f"{mail['lang']} {mail['subject']}")
def test_laws_places_and_languages_are_found(mail: dict[str, Any]) -> None:
    understood = classify(mail["subject"], mail["words"], BOOK)
    place = understood.residence and "-".join(
        filter(None, (understood.residence.country, understood.residence.subdivision))
    )
    assert understood.regulation == mail.get("law")
    assert place == mail.get("place")
    assert (understood.language or "").startswith(mail["lang"])
    assert understood.with_copy is mail.get("copy", False)


def test_every_rule_has_an_id_of_its_own_and_every_right_a_wish() -> None:
    ids = [rule.id for rule in (*BOOK.rules, *BOOK.withdrawals)]
    assert len(ids) == len(set(ids))
    assert {wish.right for wish in MailIntent} == set(Right)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_knows_every_wish_and_how_to_take_it_back(language: str) -> None:
    wishes = {rule.wish for rule in BOOK.rules if rule.id.startswith(f"{language}.")}
    assert wishes == {*MailIntent, None}
    assert any(rule.id.startswith(f"{language}.") for rule in BOOK.withdrawals)


def test_a_classification_names_the_words_it_follows_from() -> None:
    [match] = read("Hello! Please delete my account.").matches
    assert (match.rule, match.where, match.text) == ("en.erasure.1", "words", "delete my account")


@pytest.mark.parametrize(
    "words",
    [
        "Please delete all data you hold about me.",
        "Erase any information that you have about me.",
        "Delete what you want, but delete my account.",
    ],
)
def test_a_deed_counts_more_than_the_things_it_is_done_to(words: str) -> None:
    assert read(words).wish is MailIntent.ERASURE


@pytest.mark.parametrize(
    "words",
    [
        "Do not delete my account.",
        "Please don't erase my data.",
        "Löschen Sie mein Konto nicht!",
        "No eliminen mi cuenta.",
        "Ne supprimez pas mon compte.",
        "Non cancellate il mio account.",
        "Não apaguem os meus dados.",
        "Verwijder mijn account niet en wis geen gegevens.",
        "请不要删除我的账户。",
        "If you are not the intended recipient, please delete this message and all data in it.",
        "Have you deleted my data?",
    ],
)
def test_a_denied_intent_is_no_request(words: str) -> None:
    assert read(words).wish is not MailIntent.ERASURE


@pytest.mark.parametrize(
    ("words", "wish", "copy"),
    [
        ("Send me a copy of my data. Then delete my account.", MailIntent.ERASURE, True),
        ("Right of access and right to data portability, please.", MailIntent.ACCESS, False),
        ("I withdraw my consent. Delete my data.", MailIntent.ERASURE, False),
        ("Please correct my address. Please delete my account.", None, False),
        ("Restrict the processing. Do not sell my data.", None, False),
    ],
)
def test_two_wishes_are_one_where_one_answer_serves_both_and_else_unclear(
    words: str, wish: MailIntent | None, copy: bool
) -> None:
    understood = read(words)
    assert (understood.wish, understood.with_copy) == (wish, copy)
    assert (understood.clarity is Clarity.CONTRADICTORY) is (wish is None)


def test_a_doubtful_mail_is_asked_back_with_candidates() -> None:
    asked = read("Do you delete my data after the warranty ends?")
    assert (asked.clarity, asked.wish, asked.candidates) == (Clarity.DOUBTFUL, None, (MailIntent.ERASURE,))


@pytest.mark.parametrize("words", ["Unsubscribe", "DSAR please", "Do not sell"])
def test_in_few_words_a_name_is_enough(words: str) -> None:
    assert read(words).wish
    assert not read(f"{words}. The weather has been fine, the birds are back, the lake is warm again.").wish


def test_two_laws_choose_none_and_two_places_neither() -> None:
    assert read("Under GDPR and CCPA, delete my data.").regulation is None
    assert read("I am a California resident and a Virginia resident.").residence is None


def test_only_the_subject_line_makes_a_californian_request() -> None:
    """P23; 11 CCR § 7020(e)."""
    asked = read("Delete my account.", subject="California Privacy Rights")
    assert asked.residence is not None
    assert (asked.residence.country, asked.residence.subdivision, asked.wish) == (
        "US",
        "CA",
        MailIntent.ERASURE,
    )
    assert read("I read about california privacy rights. Delete my account.").residence is None


def test_the_subject_of_an_answer_is_not_its_senders() -> None:
    assert read("Thank you.", subject="Re: Delete my account").wish is None
    assert read("Thank you.", subject="Delete my account").wish is MailIntent.ERASURE


@pytest.mark.parametrize(
    "words",
    [
        "I withdraw my request.",
        "Please cancel my request, thank you",
        "Bitte stornieren Sie meinen Antrag.",
        "Hiermit ziehe ich meinen Antrag zurück.",
        "Je retire ma demande.",
        "Retiro mi solicitud.",
        "Ritiro la mia richiesta.",
        "Retiro o meu pedido.",
        "Ik wil mijn verzoek intrekken.",
        "我撤回我的请求。",
        "I no longer want to go on with it.",
    ],
)
def test_plain_words_take_a_request_back(words: str) -> None:
    assert is_withdrawal(words, BOOK)


@pytest.mark.parametrize(
    "words",
    [
        "I withdraw my consent.",
        "Please go on with my request.",
        "I withdraw my request for access. Delete my account instead.",
        "Thank you!",
        "I withdraw my request. " + "And another thing. " * 60,
        "I do NOT withdraw my request! Please continue.",
        "Please do not cancel my request.",
        "I never asked to withdraw my request.",
        "I do not want to cancel my request but to proceed.",
        "Why did you cancel my request? I am still waiting.",
        "Did you drop my case? I have heard nothing.",
        "How can I withdraw my request later, if I change my mind?",
        "Bitte den Antrag nicht stornieren.",
        "Ich ziehe meinen Antrag nicht zurück.",
        "Wann wird meine Anfrage erledigt?",
        "Der Antrag ist noch nicht erledigt.",
        "Mein Antrag ist noch lange nicht hinfällig.",
        "Je ne retire pas ma demande.",
        "Je maintiens ma demande, je n'annule pas ma demande.",
        "No retiro mi solicitud.",
        "Non ritiro la richiesta.",
        "Não cancelem o meu pedido.",
        "Ik trek mijn verzoek niet in.",
        "我不会撤回我的请求。",
        "请不要取消我的申请。",
    ],
)
def test_mail_without_a_withdrawal_withdraws_nothing(words: str) -> None:
    assert not is_withdrawal(words, BOOK)


@pytest.mark.slow
@given(subject=st.text(), words=st.text())
def test_nothing_that_is_written_cannot_be_read(subject: str, words: str) -> None:
    classify(subject, words, BOOK)
    is_withdrawal(words, BOOK)
    language_of(words, BOOK)


def test_rules_read_folded_text() -> None:
    assert folded("  LÖSCHEN\n Größe  L\u2019été ") == "loschen grosse l'ete"
