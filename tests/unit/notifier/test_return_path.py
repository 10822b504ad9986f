"""A letter comes back to an address that identifies it and cannot be forged."""

import pytest

from services.notifier.smtp.return_path import ReturnPaths
from shared.mail.reply_address import LONGEST_NAME

CASE, LETTER = "c" * 32, "0b4ab47a5b6911c6137e279c1a17648d"
PATHS = ReturnPaths("bounces@example.com", b"key" * 11)


def test_a_letter_is_known_by_the_address_it_comes_back_to() -> None:
    assert PATHS.letter(PATHS.of(f"{CASE}:{LETTER}")) == LETTER


def test_the_address_is_one_that_every_mail_server_takes() -> None:
    longest = ReturnPaths(f"{'b' * LONGEST_NAME}@example.com", b"key" * 11)
    name, _, domain = longest.of(f"{CASE}:{LETTER}").partition("@")
    assert len(name) == 64, "RFC 5321 4.5.3.1.1"
    assert domain == "example.com"
    assert name.isascii()


def test_return_address_does_not_reveal_the_case() -> None:
    address = PATHS.of(f"{CASE}:{LETTER}")
    assert CASE not in address
    assert address == PATHS.of(f"{'d' * 32}:{LETTER}")


def test_a_relay_may_change_capitals() -> None:
    assert PATHS.letter(PATHS.of(LETTER).upper()) == LETTER


def altered(address: str) -> str:
    """Return *address* with another letter in it."""
    start = address.index("+") + 1
    return address[:start] + ("b" if address[start] == "a" else "a") + address[start + 1 :]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(altered(PATHS.of(LETTER)), id="another letter"),
        pytest.param(ReturnPaths("bounces@example.com", b"other" * 7).of(LETTER), id="another key"),
        pytest.param(PATHS.of(LETTER).replace("example.com", "example.net"), id="another domain"),
        pytest.param(PATHS.of(LETTER).replace("bounces", "bounce"), id="another name"),
        pytest.param("bounces@example.com", id="no letter"),
        pytest.param("bounces+@example.com", id="an empty letter"),
        pytest.param("bounces+!!!!@example.com", id="no letters of the alphabet"),
        pytest.param("bounces+aé@example.com", id="beyond ASCII"),
        pytest.param("", id="nothing"),
        pytest.param(f"bounces+{'a' * 10_000}@example.com", id="very long"),
    ],
)
def test_foreign_address_yields_nothing(address: str) -> None:
    assert PATHS.letter(address) is None


def test_the_key_is_not_shown() -> None:
    assert "key" not in repr(PATHS).replace("key=", "")
