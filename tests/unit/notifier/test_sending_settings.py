"""What the operator may say of sending, and what is refused at the start, unquoted."""

import base64
import json
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.notifier.settings import NotifierSettings
from services.notifier.smtp.letter_limits import MailLane, notices_of
from shared.errors import ConfigurationError
from shared.mail.reply_address import LONGEST_NAME
from shared.runtime.settings import load

KEY = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ENOUGH = {
    "HABEAS_AMQP_URL": "amqp://127.0.0.1",
    "HABEAS_MONGO_URL": "mongodb://127.0.0.1",
    "HABEAS_MASTER_KEY": base64.b64encode(bytes(range(32))).decode(),
    "HABEAS_SMTP_URL": "smtp://127.0.0.1",
    "HABEAS_MAIL_FROM": "Example Privacy <privacy@example.com>",
}
LETTER = f"{'c' * 32}:{'e' * 32}"
MESSAGE = b"From: privacy@example.com\r\n\r\nGood day\r\n"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in ENOUGH.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def settings(environment: pytest.MonkeyPatch, changes: Mapping[str, str]) -> NotifierSettings:
    for name, value in changes.items():
        environment.setenv(name, value)
    return load(NotifierSettings)


def test_defaults_limit_and_sign_nothing_and_return_letters_to_the_sender(
    environment: pytest.MonkeyPatch,
) -> None:
    plain = settings(environment, {})
    assert plain.mail_limits == {}
    assert plain.sign() is None
    assert plain.return_path()(LETTER) == "privacy@example.com"


def test_a_letter_comes_back_to_an_address_of_its_own_once_there_is_one(
    environment: pytest.MonkeyPatch,
) -> None:
    own = settings(environment, {"HABEAS_MAIL_BOUNCES": "bounces@example.com"})
    assert own.return_paths().letter(own.return_path()(LETTER)) == "e" * 32


def test_letters_are_signed_for_the_domain_that_they_come_from(environment: pytest.MonkeyPatch) -> None:
    signing = settings(environment, {"HABEAS_DKIM_SELECTOR": "habeas", "HABEAS_DKIM_KEY": KEY})
    sign = signing.sign()
    assert sign is not None
    signed = sign(MESSAGE)
    assert signed.startswith(b"DKIM-Signature:")
    assert b"d=example.com;" in signed
    assert KEY.splitlines()[1] not in repr(signing)


def test_domains_are_limited_as_they_are_looked_up(environment: pytest.MonkeyPatch) -> None:
    limits = {"Example.ORG": 60, "b\u00fccher.example": 5, "*": 600}
    limited = settings(environment, {"HABEAS_MAIL_LIMITS": json.dumps(limits)})
    assert limited.mail_limits == {"example.org": 60, "xn--bcher-kva.example": 5, "*": 600}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        pytest.param({"HABEAS_MAIL_LIMITS": '{"example.org": 2}'}, "HABEAS_MAIL_LIMITS", id="two letters"),
        pytest.param({"HABEAS_MAIL_LIMITS": '{"exa mple": 9}'}, "HABEAS_MAIL_LIMITS", id="no domain"),
        pytest.param({"HABEAS_MAIL_CONNECTIONS": "1"}, "HABEAS_MAIL_CONNECTIONS", id="one connection"),
        pytest.param(
            {"HABEAS_MAIL_FROM": "Us <us@ex\u00e4mple..org>"}, "HABEAS_MAIL_FROM", id="from nowhere"
        ),
        pytest.param({"HABEAS_MAIL_REPLY_TO": "Us <us@example.com>"}, "HABEAS_MAIL_REPLY_TO", id="a name"),
        pytest.param({"HABEAS_MAIL_BOUNCES": "bounces"}, "HABEAS_MAIL_BOUNCES", id="no address"),
        pytest.param({"HABEAS_MAIL_BOUNCES": "a+b@example.com"}, "HABEAS_MAIL_BOUNCES", id="a plus"),
        pytest.param(
            {"HABEAS_MAIL_BOUNCES": f"{'b' * (LONGEST_NAME + 1)}@example.com"},
            "HABEAS_MAIL_BOUNCES",
            id="no room for a letter",
        ),
        pytest.param({"HABEAS_BOUNCE_PORT": "2525"}, "HABEAS_BOUNCE_PORT", id="nothing comes back"),
        pytest.param({"HABEAS_DKIM_SELECTOR": "habeas"}, "HABEAS_DKIM_KEY", id="no key"),
        pytest.param({"HABEAS_DKIM_KEY": KEY}, "HABEAS_DKIM_KEY", id="no selector"),
        pytest.param(
            {"HABEAS_DKIM_SELECTOR": "habeas", "HABEAS_DKIM_KEY": "s3cret"}, "HABEAS_DKIM_KEY", id="no PEM"
        ),
    ],
)
def test_setting_that_cannot_work_is_named_at_the_start_and_not_quoted(
    environment: pytest.MonkeyPatch, changes: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        settings(environment, changes)
    assert "s3cret" not in str(caught.value)
    assert KEY.splitlines()[1] not in str(caught.value)


@pytest.mark.parametrize("whole", [2, 3, 4, 16, 100])
def test_the_parts_of_the_lanes_are_the_whole_and_none_is_nothing(whole: int) -> None:
    parts = [lane.part_of(whole) for lane in MailLane]
    assert sum(parts) == whole
    assert min(parts) >= 1


@pytest.mark.parametrize("whole", [3, 4, 60])
def test_the_parts_of_a_limit_are_the_whole_and_none_is_nothing(whole: int) -> None:
    parts = [*(lane.limit_of(whole) for lane in MailLane), notices_of(whole)]
    assert sum(parts) == whole
    assert min(parts) >= 1


def test_letters_come_from_a_mailbox_and_name_the_company_itself(environment: pytest.MonkeyPatch) -> None:
    sender = settings(environment, {}).house().sender
    assert (sender.name, sender.legal_name) == ("Example Privacy", "Example Networks GmbH")
