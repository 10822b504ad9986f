"""Whatever goes wrong with mail, no password, no key and no address stands in the log."""

from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from habeas.embedded.stack import Stack
from shared.errors import ConfigurationError
from tests.integration.case_events import Writer
from tests.integration.mail_server import MailHost, hang_up, running, say
from tests.integration.pipeline import comes_true, prepared
from tests.waiting import eventually

PASSWORD = "pa55word-of-the-mail-server"
PERSON = "amelia.ferreira@example.org"
KEY = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
SECRETS = (PASSWORD, KEY.splitlines()[1], "amelia", "bounces+")


class Guard:
    """Lets nobody in, or everybody."""

    opens = False

    def __call__(self, *_: object) -> AuthResult:
        return AuthResult(success=self.opens, handled=self.opens)


async def test_no_mail_error_contains_a_secret(parts: Stack | None, tmp_path: Path) -> None:
    guard, host = Guard(), MailHost()
    async with (
        running(host, authenticator=guard, auth_require_tls=False),
        prepared(
            parts,
            tmp_path,
            customers=0,
            HABEAS_SMTP_URL=f"smtp://habeas:{PASSWORD}@127.0.0.1:{host.port}",
            HABEAS_MAIL_BOUNCES="bounces@example.com",
            HABEAS_DKIM_SELECTOR="habeas",
            HABEAS_DKIM_KEY=KEY,
            HABEAS_LOG_LEVEL="debug",
        ) as pipeline,
    ):
        await pipeline.start("notifier")
        writer = Writer(pipeline)

        async def said(what: str) -> None:
            await eventually(lambda: what in pipeline.log.read_text())

        await writer.register(PERSON)
        await said("535")  # the log-in is refused
        guard.opens = True
        host.steps["MAIL"] = say(f"550 5.7.1 <{PERSON}> blocks you")
        await writer.register(PERSON)
        await said("550 5.7.1")
        host.steps = {"RCPT": say(f"451 4.3.0 <{PERSON}> later")}
        await writer.register(PERSON)
        await said("451 4.3.0")
        host.steps = {"DATA": hang_up}
        await writer.register(PERSON)
        await said("did not say whether")
        host.steps = {"RCPT": say(f"550 5.1.1 <{PERSON}> unknown")}
        [case] = await writer.register(PERSON)

        async def told() -> bool:
            return bool(await pipeline.rows("notifier", case=case))

        await comes_true(told)
        await pipeline.stop()
        log = pipeline.log.read_text()
        assert [secret for secret in SECRETS if secret in log] == []


async def test_settings_that_are_wrong_are_named_and_not_quoted(parts: Stack | None, tmp_path: Path) -> None:
    wrong = KEY.replace("-----BEGIN", "-----BEGUN")
    async with prepared(
        parts,
        tmp_path,
        customers=0,
        HABEAS_SMTP_URL=f"smtp://habeas:{PASSWORD}@127.0.0.1:many",
        HABEAS_DKIM_SELECTOR="habeas",
        HABEAS_DKIM_KEY=wrong,
    ) as pipeline:
        with pytest.raises(ConfigurationError):
            await pipeline.start("notifier")
        log = pipeline.log.read_text()
        assert "HABEAS_DKIM_KEY" in log
        assert [secret for secret in SECRETS if secret in log] == []
