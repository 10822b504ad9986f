"""Settings: one line names every variable that is missing or wrong, and never its value."""

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.runtime.settings import Settings, load

KEY = base64.b64encode(bytes(range(32))).decode()
GOOD = {
    "HABEAS_AMQP_URL": "amqp://guest:guest@broker.example.org/",
    "HABEAS_MONGO_URL": "mongodb://mongo.example.org/?replicaSet=rs0",
    "HABEAS_MASTER_KEY": KEY,
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def complaint() -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(Settings)
    return str(caught.value)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_RETRY_FOR", "PT30M")
    settings = load(Settings)
    assert settings.retry_for == timedelta(minutes=30)
    assert settings.root_key == bytes(range(32))


def test_every_missing_variable_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        monkeypatch.delenv(name)
    line = complaint()
    assert "\n" not in line
    assert all(name in line for name in GOOD)
    assert ".env.example" in line


def test_text_that_is_no_json_is_answered_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reviews(Settings):
        review: frozenset[str] = frozenset()
        """Packages that wait: JSON, `["access"]`."""

    monkeypatch.setenv("HABEAS_REVIEW", "access")
    with pytest.raises(ConfigurationError, match=r'HABEAS_REVIEW: is no JSON: write it as \["access"\] \('):
        load(Reviews)


@pytest.mark.parametrize(
    ("name", "value", "about"),
    [
        pytest.param("HABEAS_MASTER_KEY", "sesame!", "base64", id="no base64"),
        pytest.param("HABEAS_MASTER_KEY", "c2VzYW1l", "exactly 32 bytes", id="too short"),
        pytest.param("HABEAS_AMQP_URL", "", "amqp://", id="empty"),
        pytest.param("HABEAS_AMQP_URL", "http://sesame", "amqp://", id="not a broker"),
        pytest.param("HABEAS_MONGO_URL", "sesame:27017", "mongodb://", id="no scheme"),
        pytest.param("HABEAS_BATCH", "sesame", "whole number", id="not a number"),
        pytest.param("HABEAS_BATCH", "0", "at least 1", id="out of range"),
        pytest.param("HABEAS_RETRY_FOR", "sesame", "duration", id="no duration"),
        pytest.param("HABEAS_RETRY_FOR", "P15D", "14 days", id="longer than purges are remembered"),
        pytest.param("HABEAS_LOG_LEVEL", "sesame", "'debug'", id="unknown level"),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, about: str
) -> None:
    monkeypatch.setenv(name, value)
    line = complaint()
    assert name in line
    assert about in line
    assert "sesame" not in line
    assert "c2VzYW1l" not in line


def test_gateway_is_trusted_beside_the_named_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_TRUSTED_PROXIES", '["192.0.2.0/24"]')
    monkeypatch.setenv("HABEAS_GATEWAY", "198.51.100.2")
    assert [str(network) for network in load(Settings).proxies] == ["192.0.2.0/24", "198.51.100.2/32"]


def test_gateway_alone_does_not_stand_for_the_proxy_of_a_public_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_GATEWAY", "198.51.100.2")
    monkeypatch.setenv("HABEAS_PUBLIC_URL", "https://privacy.example.com")
    assert "HABEAS_TRUSTED_PROXIES" in complaint()


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text(f"{KEY}\n")
    monkeypatch.delenv("HABEAS_MASTER_KEY")
    monkeypatch.setenv("HABEAS_MASTER_KEY_FILE", str(secret))
    assert load(Settings).root_key == bytes(range(32))


def test_a_plain_variable_wins_over_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "prefix"
    other.write_text("other")
    monkeypatch.setenv("HABEAS_DATABASE_PREFIX", "plain")
    monkeypatch.setenv("HABEAS_DATABASE_PREFIX_FILE", str(other))
    assert load(Settings).database_prefix == "plain"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"], ids=["missing", "binary"])
def test_a_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.delenv("HABEAS_MASTER_KEY")
    monkeypatch.setenv("HABEAS_MASTER_KEY_FILE", str(file))
    assert complaint().startswith("HABEAS_MASTER_KEY_FILE: ")


def test_no_secret_is_ever_printed() -> None:
    settings = load(Settings)
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()}"
    assert "guest" not in repr(settings)


def test_unknown_variable_is_an_error_that_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_ERASURE_APROVAL", "always")
    line = complaint()
    assert "HABEAS_ERASURE_APROVAL: is not a setting; did you mean HABEAS_ERASURE_APPROVAL?" in line
    assert "always" not in line
