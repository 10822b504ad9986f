"""Invalid decisions of staff are refused before anything is sealed or published."""

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from shared.errors import ConfigurationError

DECIDE = ["appeals", "decide", "a" * 32, "--refused"]
pytestmark = pytest.mark.usefixtures("console_login")


def test_unknown_reason_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"reason 'because': .* legal_claims, .*third_party_rights"):
        CliRunner().invoke(
            app, [*DECIDE, "--reason", "contract", "--reason", "because"], catch_exceptions=False
        )


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("appeals decide", "--granted or --refused"),
        ("request proposal --manner telephone", "--accepted or --declined"),
    ],
)
def test_missing_answer_names_both_options(words: str, options: str) -> None:
    with pytest.raises(ConfigurationError, match=options):
        CliRunner().invoke(app, [*words.split(), "a" * 32], catch_exceptions=False)


def test_refused_appeal_needs_a_reason_or_an_explanation() -> None:
    with pytest.raises(ConfigurationError, match="a reason or an explanation"):
        CliRunner().invoke(app, DECIDE, catch_exceptions=False)
