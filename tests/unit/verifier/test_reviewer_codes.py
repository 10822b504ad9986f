"""Codes of authenticators: the numbers are those of RFC 6238 appendix B, of which six digits are shown."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from services.verifier.reviewers import step_of
from services.verifier.settings import VerifierSettings
from shared.errors import ConfigurationError
from shared.settings import load

KEY = b"12345678901234567890"
THEN = datetime.fromtimestamp(1_111_111_109, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")],
)
def test_a_code_is_known_by_the_half_minute_it_was_made_for(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert step_of(code, KEY, now) == seconds // 30
    assert step_of(code, KEY, now + timedelta(seconds=30)) == seconds // 30


@pytest.mark.parametrize("seconds", [-30, 60])
def test_a_code_of_another_time_is_none(seconds: int) -> None:
    assert step_of("081804", KEY, THEN + timedelta(seconds=seconds)) is None


def test_a_code_of_somebody_else_is_none() -> None:
    assert step_of("081804", KEY[::-1], THEN) is None


def settings(monkeypatch: pytest.MonkeyPatch, secret: str) -> VerifierSettings:
    for name, value in {
        "AMQP_URL": "amqp://127.0.0.1",
        "MONGO_URL": "mongodb://127.0.0.1",
        "MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "REVIEWERS": f'{{"dana.muster": "{secret}"}}',
    }.items():
        monkeypatch.setenv(f"HABEAS_{name}", value)
    return load(VerifierSettings)


def test_a_secret_is_base32_as_an_authenticator_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = settings(monkeypatch, base64.b32encode(KEY).decode().lower())
    assert told.reviewer_keys == {"dana.muster": KEY}
    assert "GEZDG" not in repr(told).upper()


@pytest.mark.parametrize("secret", ["", "not base32", base64.b32encode(KEY[:15]).decode()])
def test_a_secret_that_could_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    with pytest.raises(ConfigurationError, match="HABEAS_REVIEWERS: every secret"):
        settings(monkeypatch, secret)
