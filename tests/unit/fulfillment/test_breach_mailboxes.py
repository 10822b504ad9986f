"""The mailbox for a letter, and when two texts name the same."""

import pytest

from services.fulfillment.search.mailboxes import address_in, same


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Kim@Example.org ", "Kim@Example.org"),
        ("Bo <bo@example.org>", "bo@example.org"),
        ('"Muster, Kim" <kim@example.org>', "kim@example.org"),
        ("a@example.org; b@example.org", "a@example.org"),
        ("none, b@example.org", "b@example.org"),
        ("u@müller.example", "u@xn--mller-kva.example"),
        ("u@fußball.example", "u@xn--fuball-cta.example"),
        ("kim@example.org;", "kim@example.org"),
        ("; kim@example.org,, bo@example.org", "kim@example.org"),
        ("kim@example.org\nbo@example.org", "kim@example.org"),
        ("kim@example.org.", "kim@example.org"),
        ("kim@example.org\N{NO-BREAK SPACE}", "kim@example.org"),
        ("\ufeffkim@example.org\u200b", "kim@example.org"),
        ("MailTo:kim@example.org", "kim@example.org"),
    ],
)
def test_a_letter_goes_to_the_first_mailbox_that_is_named(text: str, address: str) -> None:
    assert address_in(text) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "n/a@n/a", "none@localhost", "unknown", "a@example..org", "a@.org", "a@b@example.org"),
        *("a b@example.org", "(" * 10_000, "<" * 2_000, "a@example.org b@example.org"),
    ],
)
def test_a_placeholder_is_no_mailbox(text: str) -> None:
    assert address_in(text) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kim@Example.ORG", "kim@example.org"),
        ("a@müller.example", "a@xn--mller-kva.example"),
        ("a@MÜLLER.example", "a@mu\u0308ller.example"),
        ("a@example.org.", "a@example.org"),
    ],
)
def test_notations_of_one_mailbox_are_one(one: str, other: str) -> None:
    assert same(one, tagged=False) == same(other, tagged=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("u@fußball.example", "u@fussball.example"),
        ("straße@example.org", "strasse@example.org"),
        ("\N{KELVIN SIGN}im@example.org", "kim@example.org"),
        ("ÉVA@example.org", "éva@example.org"),
        ("e\N{COMBINING ACUTE ACCENT}va@example.org", "éva@example.org"),
        ("kim+news@example.org", "kim@example.org"),
    ],
)
def test_mailboxes_of_two_are_two(one: str, other: str) -> None:
    assert same(one, tagged=False) != same(other, tagged=False)


def test_mailbox_is_the_same_with_and_without_a_tag() -> None:
    assert same("Kim+News@example.org", tagged=True) == same("kim@example.org", tagged=True)
