"""What the command says when it is called wrongly: the place and the remedy in a line, and code 2."""

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from shared.errors import ConfigurationError


@pytest.mark.parametrize("words", ["submit", "package verify", "certificate verify"])
def test_a_file_that_is_not_there_is_named(words: str) -> None:
    with pytest.raises(ConfigurationError, match=r"/nowhere\.json: there is no such file"):
        CliRunner().invoke(app, [*words.split(), "/nowhere.json"], catch_exceptions=False)


def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_AMQP_URL_FILE", "/nowhere")
    with pytest.raises(ConfigurationError, match="HABEAS_AMQP_URL_FILE: cannot read"):
        CliRunner().invoke(app, ["dead-letters"], catch_exceptions=False)


def test_a_request_that_is_not_named_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_PUBLIC_URL", "http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="say which request"):
        CliRunner().invoke(app, ["status"], catch_exceptions=False)
