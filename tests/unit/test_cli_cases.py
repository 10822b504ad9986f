"""What the staff cannot decide, and is told before anything is sealed or published."""

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from shared.errors import ConfigurationError

DECIDE = ["case", "decide", "a" * 32, "--as", "anna", "--refused"]


def test_a_reason_that_no_letter_knows_is_named_beside_those_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match=r"reason 'because': .* legal_claims, .*third_party_rights"):
        CliRunner().invoke(
            app, [*DECIDE, "--reason", "contract", "--reason", "because"], catch_exceptions=False
        )


def test_an_appeal_is_not_turned_down_without_a_word() -> None:
    with pytest.raises(ConfigurationError, match="a reason or an explanation"):
        CliRunner().invoke(app, DECIDE, catch_exceptions=False)
