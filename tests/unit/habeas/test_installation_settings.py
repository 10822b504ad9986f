"""`habeas up` uses the settings of the environment, and refuses those that it decides itself."""

from pathlib import Path

import pytest

from habeas.cli.options import InstallationState
from habeas.embedded.installation import Installation
from shared.errors import ConfigurationError


def test_settings_of_the_environment_take_effect_before_defaults(tmp_path: Path) -> None:
    given = {
        "HABEAS_STORES": '{"default": "mongodb://shop.example.org/"}',
        "HABEAS_ERASURE_APPROVAL": "always",
        "HABEAS_MAIL_FROM": "Shop <privacy@shop.example>",
    }
    installation = Installation(tmp_path, environment={**given, "PATH": "/bin"})
    assert given.items() <= installation.environment.items()
    assert "PATH" not in installation.environment


def test_setting_given_as_a_file_is_not_hidden_by_a_default(tmp_path: Path) -> None:
    installation = Installation(tmp_path, environment={"HABEAS_MASTER_KEY_FILE": "/run/secrets/key"})
    assert installation.environment["HABEAS_MASTER_KEY_FILE"] == "/run/secrets/key"
    assert "HABEAS_MASTER_KEY" not in installation.environment


def test_commands_read_settings_that_an_installation_was_given_as_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HABEAS_MASTER_KEY", raising=False)
    (tmp_path / "key").write_text("sesame\n", encoding="utf-8")
    (tmp_path / "environment").write_text(f"HABEAS_MASTER_KEY_FILE={tmp_path}/key\n", encoding="utf-8")
    assert InstallationState(tmp_path).settings()["HABEAS_MASTER_KEY"] == "sesame"


def test_commands_read_no_settings_that_others_can_replace(tmp_path: Path) -> None:
    (tmp_path / "environment").write_text("HABEAS_MONGO_URL=mongodb://stranger.example\n", encoding="utf-8")
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigurationError, match="others can write to"):
        InstallationState(tmp_path).settings()


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("HABEAS_AMQP_URL", "habeas serve"),
        ("HABEAS_MONGO_URL_FILE", "habeas serve"),
        ("HABEAS_HTTP_PORT", "--port-base"),
        ("HABEAS_STORE", "did you mean HABEAS_STORES?"),
    ],
)
def test_setting_that_cannot_take_effect_is_refused(tmp_path: Path, name: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        Installation(tmp_path, environment={name: "x"})
    assert remedy in str(caught.value)


def test_the_demo_uses_no_settings_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABEAS_STORES", '{"default": "mongodb://shop.example.org/"}')
    assert "shop.example.org" not in str(Installation(tmp_path).environment)
