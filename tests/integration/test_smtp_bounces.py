"""A letter that comes back is known again by a real mail server's report, and told though we are killed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosmtplib
import pytest

from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack
from shared.contract.events import LetterKind
from tests.integration.case_events import Writer
from tests.integration.mail_server import MailHost, running
from tests.integration.pipeline import Heard, Pipeline, prepared
from tests.waiting import eventually

PERSON = "ada@example.org"
REPORT = """\
From: MAILER-DAEMON@mx.example.org
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b

{recipient} is unknown here.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}

--b--
"""


@asynccontextmanager
async def written(parts: Stack | None, folder: Path) -> AsyncIterator["Returned"]:
    """Send a letter whose way back leads to the notifier."""
    port = free_port()
    async with (
        running(MailHost()) as host,
        prepared(
            parts,
            folder,
            customers=0,
            HABEAS_SMTP_URL=host.url,
            HABEAS_MAIL_BOUNCES="bounces@example.com",
            HABEAS_BOUNCE_PORT=f"{port}",
        ) as pipeline,
        pipeline.listening() as heard,
    ):
        await pipeline.start("notifier")
        [case] = await Writer(pipeline).register(PERSON)
        await eventually(lambda: heard.of(case, "notice.sent"))
        [(path, _, _)] = host.taken
        yield Returned(pipeline, heard, case, path, port)


class Returned:
    """A letter that went out, and the port that it comes back to."""

    def __init__(self, pipeline: Pipeline, heard: Heard, case: str, path: str, port: int) -> None:
        self.pipeline, self.heard, self.case, self.path = pipeline, heard, case, path
        self._port = port

    async def report(self, action: str, status: str, *, to: str = "") -> str:
        """Send a report by SMTP; return the answer."""
        return await self.mail(REPORT.format(recipient=PERSON, action=action, status=status), to=to)

    async def mail(self, content: str, *, to: str = "") -> str:
        """Send a message from the empty sender; return the answer."""
        async with aiosmtplib.SMTP(hostname=HOST, port=self._port) as client:
            await client.mail("")
            await client.rcpt(to or self.path)
            return str((await client.data(content)).code)

    async def failures(self) -> list[dict[str, object]]:
        """Return what was told of letters that failed, once anything was."""
        told = await eventually(lambda: self.heard.of(self.case, "notice.failed"))
        return [event["data"] for event in told]


async def test_returned_letter_is_reported_once_despite_a_kill_after_the_answer(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with written(parts, tmp_path) as letter:
        assert await letter.report("failed", "5.1.1") == "250"
        await letter.pipeline.kill()
        await letter.pipeline.start("notifier")
        assert await letter.report("failed", "5.1.1") == "250", "the sender has not heard the first answer"
        assert await letter.failures() == [
            {
                "request_id": letter.case,
                "letter": LetterKind.ACKNOWLEDGEMENT,
                "acknowledges": False,
                "reason": "bounced",
            }
        ]
        await letter.pipeline.stop()
        rows = await letter.pipeline.rows("notifier", case=letter.case)
        assert [fact["type"] for row in rows for fact in row["facts"]].count("habeas.notice.failed.v1") == 1


async def test_a_delay_is_on_record_and_no_failure(parts: Stack | None, tmp_path: Path) -> None:
    async with written(parts, tmp_path) as letter:
        assert await letter.report("delayed", "4.4.1") == "250"
        [told] = await eventually(lambda: letter.heard.of(letter.case, "notice.reported"))
        assert told["data"]["action"] == "delayed"
        assert not letter.heard.of(letter.case, "notice.failed")


async def test_a_forged_report_is_not_taken(parts: Stack | None, tmp_path: Path) -> None:
    async with written(parts, tmp_path) as letter:
        name, _, domain = letter.path.partition("@")
        forged = f"{name[:-1]}{'a' if name[-1] != 'a' else 'q'}@{domain}"
        with pytest.raises(aiosmtplib.SMTPRecipientRefused):
            await letter.report("failed", "5.1.1", to=forged)
        assert await letter.mail("Subject: I am away\r\n\r\nback on Monday") == "250"
        assert await letter.report("delivered", "2.0.0") == "250"
        [told] = await eventually(lambda: letter.heard.of(letter.case, "notice.reported"))
        assert told["data"]["action"] == "delivered", "and neither of the others"
