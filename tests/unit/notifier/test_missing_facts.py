"""What a declaration lacks is said before anybody approves of a notice."""

from dataclasses import replace

import pytest

from habeas.client.breach_specimens import DECLARED, EVERYTHING
from habeas.client.specimens import SENDER
from services.notifier.breach.notices.missing_facts import missing_for_controllers, missing_for_people
from shared.contract.events.breaches import BreachDeclared
from shared.law.breaches import BreachPolicy
from shared.law.library import breach_policies

SAFE = DECLARED.model_copy(update={"mail_domains": ("mail.example",)})


def law(name: str) -> BreachPolicy:
    return [policy for policy in breach_policies() if policy.law == name][-1]


def lacks(
    declared: BreachDeclared = SAFE,
    *laws: str,
    categories: tuple[str, ...] = EVERYTHING,
    language: str = "en",
    officer: str = "officer@example.com",
) -> list[str]:
    sender = replace(SENDER, data_protection_officer=officer)
    policies = [law(name) for name in laws or ("gdpr",)]
    return [str(one) for one in missing_for_people(declared, policies, categories, language, sender)]


def changed(**changes: object) -> BreachDeclared:
    return SAFE.model_copy(update=changes)


@pytest.mark.parametrize("name", ["gdpr", "us-ca", "us-tx", "ch-fadp", "br-lgpd"])
def test_a_whole_declaration_lacks_nothing(name: str) -> None:
    assert lacks(SAFE, name) == []


@pytest.mark.parametrize(
    ("months", "said"),
    [
        (
            None,
            "12 months of service against theft of identity must be offered, free; the declaration offers 0",
        ),
        (11, "the declaration offers 11 (Cal. Civ. Code § 1798.82(d)(2)(G))"),
    ],
)
def test_a_service_against_theft_of_identity_is_missed_where_the_law_wants_it(
    months: int | None, said: str
) -> None:
    assert SAFE.protection is not None
    offered = SAFE.protection.model_copy(update={"months": months}) if months else None
    [lack] = lacks(changed(protection=offered), "us-ca")
    assert said in lack


def test_it_is_missed_only_where_a_number_was_breached() -> None:
    assert lacks(changed(protection=None), "us-ca", categories=("user.name", "user.contact.email")) == []


def test_twelve_months_are_enough_in_california_and_not_in_connecticut() -> None:
    assert SAFE.protection is not None
    year = changed(protection=SAFE.protection.model_copy(update={"months": 12}))
    assert lacks(year, "us-ca") == []
    assert "24 months" in lacks(year, "us-ct")[0]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", []),
        ("zh-Hans", []),
        ("fr", ["nature, consequences, measures and advice are not declared in 'fr'"]),
        ("sv", ["letters are not written in 'sv'", "not declared in 'sv'"]),
    ],
)
def test_untranslated_text_is_reported(language: str, said: list[str]) -> None:
    found = lacks(language=language)
    assert len(found) == len(said)
    assert all(words in one for words, one in zip(said, found, strict=True))


GERMAN = DECLARED.translations["de"]


@pytest.mark.parametrize(
    ("name", "language", "more", "said"),
    [
        ("br-lgpd", "en", {}, []),
        ("gdpr", "de", {}, []),
        ("br-lgpd", "de", {}, ["late_because) is not declared in 'de' (ANPD Res. 15/2024 Art. 9)"]),
        ("br-lgpd", "de", {"late_because": "Erst die Systeme."}, []),
        ("us-ca", "de", {}, ["(sign_up) is not in 'de'"]),
        ("us-ca", "de", {"sign_up": "Hier."}, []),
        ("us-ca", "fr", {}, ["nature, consequences", "(sign_up) is not in 'fr'"]),
    ],
)
def test_further_text_that_is_not_translated_is_reported(
    name: str, language: str, more: dict[str, str], said: list[str]
) -> None:
    declared = changed(translations={"de": GERMAN.model_copy(update=more)})
    found = lacks(declared, name, language=language)
    assert len(found) == len(said)
    assert all(words in one for words, one in zip(said, found, strict=True))


def test_a_category_that_no_language_has_a_name_for_is_said() -> None:
    own = ("user.name", "loyalty.shoe_size")
    assert lacks(categories=own) == []
    [lack] = lacks(categories=own, language="de")
    assert "loyalty.shoe_size has no name in 'de': it stands there as 'Shoe size'" in lack
    [reported] = missing_for_controllers(changed(categories=own), "de")
    assert str(reported) == lack


def test_a_translation_into_the_language_of_one_country_is_none_into_that_of_another() -> None:
    declared = changed(translations={"pt-BR": GERMAN})
    assert lacks(declared, language="pt-BR") == []
    assert "not declared in 'pt-PT'" in lacks(declared, language="pt-PT")[0]


def test_passwords_call_for_the_mailboxes_that_they_open() -> None:
    """Cal. Civ. Code § 1798.82(j)(5)."""
    assert "mail_domains" in lacks(DECLARED)[0]
    assert lacks(DECLARED, categories=("user.name",)) == []


def test_an_officer_is_missed_where_the_law_wants_one() -> None:
    assert "no data protection officer" in lacks(officer="")[0]
    assert lacks(SAFE, "us-ca", officer="") == []


def test_part_that_one_law_forbids_and_another_demands_is_reported() -> None:
    """Mass. Gen. Laws ch. 93H § 3(b) against GDPR Art. 34(2)."""
    nature, consequences, _ = lacks(SAFE, "us-ma", "gdpr")
    assert "nature is left out: Massachusetts" in nature
    assert "consequences is left out: Massachusetts" in consequences
    assert all("GDPR Art. 34(2)" in lack for lack in (nature, consequences))


def test_text_that_may_reveal_a_forbidden_nature_is_to_be_read() -> None:
    """Mass. Gen. Laws ch. 93H § 3(b)."""
    [lack] = lacks(SAFE, "us-ma")
    assert "measures, advice and how to sign up must not reveal the nature of the breach" in lack
    assert "M.G.L. c. 93H § 3(b)" in lack
    assert not any("must not tell" in one for one in lacks(SAFE, "gdpr", "us-ma"))


def test_kinds_of_data_are_missed() -> None:
    assert "what kinds of data" in lacks(changed(categories=()), categories=())[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"next_update_at": None}, ["next update"]),
        ({"next_update_at": None, "final": True}, []),
        (
            {"affected": DECLARED.affected.model_copy(update={"controllers": (
                DECLARED.affected.controllers[0].model_copy(update={"services": ()}),
            )})},
            ["what they use that is affected"],
        ),
    ],
    ids=["whole", "no next update", "final", "no services"],
)  # fmt: skip
def test_notice_to_customers_lacks_next_update_or_affected_services(
    changes: dict[str, object], said: list[str]
) -> None:
    found = [str(one) for one in missing_for_controllers(changed(**changes), "en")]
    assert len(found) == len(said)
    assert all(words in one for words, one in zip(said, found, strict=True))
