"""The address of a case is recognised, reveals nothing, and cannot be forged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mail.reply_address import LONGEST_LOCAL, LONGEST_NAME, ReplyAddresses

THREADS = ReplyAddresses("privacy@example.com", b"k" * 32)
CASE = "0123456789abcdef0123456789abcdef"
CASES = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(case=CASES)
def test_an_address_is_known_again_in_any_capitals(case: str) -> None:
    address = THREADS.of(case)
    assert THREADS.case(address) == THREADS.case(address.upper()) == case


@given(case=CASES)
def test_address_does_not_reveal_the_case(case: str) -> None:
    assert case not in THREADS.of(case)
    assert THREADS.of(case) != ReplyAddresses("privacy@example.com", b"l" * 32).of(case)


def test_address_fits_mail_servers() -> None:
    longest = ReplyAddresses("p" * LONGEST_NAME + "@example.com", b"k" * 32).of(CASE)
    assert len(longest.partition("@")[0]) == LONGEST_LOCAL


@given(place=st.integers(0, 41), letter=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_address_with_another_letter_is_invalid(place: int, letter: str) -> None:
    name, _, domain = THREADS.of(CASE).partition("@")
    base, _, tag = name.partition("+")
    forged = f"{base}+{tag[:place]}{letter}{tag[place + 1 :]}@{domain}"
    # The last letter has bits that do not count.
    assert THREADS.case(forged) is None or forged == THREADS.of(CASE) or place == len(tag) - 1


@pytest.mark.parametrize(
    "address",
    [
        "",
        "privacy@example.com",
        "privacy+@example.com",
        "privacy+abc@example.com",
        "other+x@example.com",
        "+@",
        "a+é@b",
    ],
)
def test_other_addresses_are_invalid(address: str) -> None:
    assert THREADS.case(address) is None


def test_one_key_does_not_open_the_addresses_of_another() -> None:
    assert ReplyAddresses("privacy@example.com", b"l" * 32).case(THREADS.of(CASE)) is None


def test_a_letter_that_is_answered_names_its_case() -> None:
    ours = THREADS.message_id("f" * 32, CASE, "example.com")
    assert THREADS.case_answered(["<x@example.org>", ours]) == CASE
    assert (
        THREADS.case_answered(["<x@example.org>", "nonsense", f"<{'f' * 32}.{'a' * 42}@example.com>"]) is None
    )
