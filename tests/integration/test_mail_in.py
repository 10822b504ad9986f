"""A mail from a real mail program becomes a case, and the answers to our letters find their way to it."""

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from habeas.embedded.mailcatcher import CaughtMessage
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack
from services.intake.cases.deadlines import INQUIRY_REMINDED, INQUIRY_UNANSWERED
from shared.contract.codes import ALONE
from shared.runtime.vault import Vault
from tests.conftest import missing
from tests.integration.pipeline import Heard, Pipeline, Somebody, command, now, prepared
from tests.waiting import eventually

INBOX = "privacy@fernlicht.example"
MX = "mx.fernlicht.example"
WITHIN = timedelta(seconds=120)
PDF = b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"


class Writer:
    """Somebody who writes mails with swaks."""

    def __init__(self, pipeline: Pipeline, heard: Heard, port: int, protocol: str) -> None:
        self.pipeline, self.heard = pipeline, heard
        self._port, self._protocol = port, protocol

    async def mail(
        self, person: Somebody, body: str, *options: str, subject: str = "Hello", to: str = INBOX
    ) -> str:
        """Send a mail as *person*; return what swaks said."""
        process = await asyncio.create_subprocess_exec(
            "swaks", "--server", HOST, "--port", str(self._port), "--protocol", self._protocol,
            "--from", person.email, "--to", to, "--h-From", f"{person.name} <{person.email}>",
            "--h-Subject", subject, "--body", body, *options,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()

    async def letter(self, person: Somebody, title: str) -> CaughtMessage:
        """Return the letter called *title* that *person* gets."""

        def found() -> CaughtMessage | None:
            letters = self.pipeline.letters_to(person)
            return next((letter for letter in letters if letter.subject == title), None)

        letter = await eventually(found, WITHIN)
        assert letter is not None
        return letter

    async def sealed(self, case: str, item: str) -> bytes:
        """Return what lies in the vault."""
        key = base64.b64decode(self.pipeline.settings["HABEAS_MASTER_KEY"])
        vault = Vault(self.pipeline.client, prefix=self.pipeline.prefix, master_key=key)
        return b"".join([piece async for piece in vault.open_stream(case, item)])


def case_of(letter: CaughtMessage) -> str:
    return str(letter.message["X-Habeas-Request"])


@asynccontextmanager
async def open_inbox(
    parts: Stack | None, folder: Path, protocol: str = "smtp", trusted: str = ""
) -> AsyncIterator[Writer]:
    if shutil.which("swaks") is None:
        missing("swaks is not installed: scripts/setup-tests")
    port = free_port()
    async with (
        prepared(
            parts,
            folder,
            HABEAS_INBOX_ADDRESS=INBOX,
            HABEAS_INBOX_PORT=str(port),
            HABEAS_INBOX_PROTOCOL=protocol,
            HABEAS_INBOX_TRUST=trusted,
        ) as pipeline,
        pipeline.listening() as heard,
    ):
        await pipeline.start()
        yield Writer(pipeline, heard, port, {"smtp": "ESMTP", "lmtp": "LMTP"}[protocol])
        await pipeline.stop()


async def end_wait(pipeline: Pipeline, case: str) -> None:
    """Let the timers of the question to the sender of a mail come now, in their order."""
    timers = pipeline.client[f"{pipeline.prefix}_intake"]["timers"]
    for number, name in enumerate((INQUIRY_REMINDED, INQUIRY_UNANSWERED)):
        at = now() - timedelta(minutes=2 - number)
        changed = await timers.update_one({"_id": f"{case}/{name}"}, {"$set": {"at": at}})
        assert changed.matched_count == 1


async def handle_unanswered(pipeline: Pipeline, case: str) -> None:
    """Check that staff handles the unanswered mail of *case* once."""
    words = ("inbox", "done", case, "mail", "--because", "answered", "--as", "anna")
    code, _, errors = await command(pipeline, *words)
    assert code == 0, errors
    code, said, errors = await command(pipeline, *words)
    assert code != 0
    assert "handled before" in said + errors


async def test_mail_with_a_pdf_becomes_a_case_with_a_proof_and_a_reply_that_is_the_code_proves_it(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with open_inbox(parts, tmp_path, trusted=MX) as writer:
        person = (await writer.pipeline.people())[0]
        pdf = tmp_path / "passport.pdf"
        pdf.write_bytes(PDF)
        said = await writer.mail(
            person,
            "Please send me a copy of all personal data that you hold about me.",
            "--attach", f"@{pdf}", subject="Subject access request",
        )  # fmt: skip
        assert "250 2.0.0 taken in" in said
        acknowledged = await writer.letter(person, "Your code to confirm your request")
        case = case_of(acknowledged)
        [received] = await eventually(lambda: writer.heard.of(case, "request.received"), WITHIN)
        assert received["data"]["right"] == "access"
        assert received["data"]["source"] == "habeas/mail"
        assert [(p["kind"], p["slot"], p["media_type"]) for p in received["data"]["proofs"]] == [
            ("document", "identity", "application/pdf")
        ]
        assert PDF in await writer.sealed(case, received["data"]["proofs"][0]["ref"])
        assert b"Subject access request" in await writer.sealed(case, "mail")
        reply_to = str(acknowledged.message["Reply-To"])
        assert reply_to.startswith("privacy+")
        assert case not in reply_to

        found = ALONE.search(acknowledged.body())
        assert found
        digits = found[1]
        quoted = "\n".join(f"> {line}" for line in acknowledged.body().splitlines()[:10])
        vouched = f"Authentication-Results: {MX}; dmarc=pass"
        reply = f"{digits}\n\n{quoted}"
        await writer.mail(person, reply, "--header", vouched, subject="Re: Your code", to=reply_to)
        [verified] = await eventually(lambda: writer.heard.of(case, "identity.verified"), WITHIN)
        assert verified["data"]["assurance"] == "mailbox"
        page = await writer.pipeline.closed(case)
        assert page["outcome"] in {"granted", "partly_granted"}
        log = writer.pipeline.log.read_text()
        assert person.email not in log
        assert digits not in log


async def test_a_mail_handed_over_by_lmtp_is_asked_back_and_its_answer_becomes_the_case(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with open_inbox(parts, tmp_path, "lmtp") as writer:
        person = (await writer.pipeline.people())[1]
        said = await writer.mail(
            person, "Bonjour, j'ai une question pour vous. Merci", to=f"{INBOX},{INBOX.replace('@', '+x@')}"
        )
        assert said.count("250 2.0.0 taken in") == 2, "one answer for each recipient"
        letter = await writer.letter(person, "Que souhaitez-vous que nous fassions ?")
        case = case_of(letter)
        assert not writer.heard.of(case, "request.received")
        assert not (await writer.pipeline.http.get(f"/v1/requests/{case}")).is_success

        await end_wait(writer.pipeline, case)
        [unanswered] = await eventually(lambda: writer.heard.of(case, "message.lodged"), WITHIN)
        assert (unanswered["data"]["message"], unanswered["data"]["reason"]) == ("mail", "unanswered")
        [lodged] = await eventually(lambda: writer.heard.of(case, "inquiry.lodged"), WITHIN)
        assert unanswered["data"]["due_on"] == lodged["data"]["due_on"]
        await handle_unanswered(writer.pipeline, case)
        asked = await eventually(lambda: writer.pipeline.letters_to(person, case)[1:], WITHIN)
        assert [one.body() for one in asked] == [letter.body()], "the question is repeated once"

        automatic = "Auto-Submitted: auto-replied"
        await writer.mail(
            person, "Supprimez mon compte.", "--header", automatic, to=str(letter.message["Reply-To"])
        )
        await writer.mail(
            person, "Supprimez mon compte.", subject="Re: ?", to=str(letter.message["Reply-To"])
        )
        [received] = await eventually(lambda: writer.heard.of(case, "request.received"), WITHIN)
        assert received["data"]["right"] == "erasure"
        await writer.letter(person, "Votre code pour confirmer votre demande")
        await writer.mail(person, "Quand aurai-je une réponse ?", to=str(letter.message["Reply-To"]))
        [message] = await eventually(lambda: writer.heard.of(case, "message.lodged")[1:], WITHIN)
        assert (message["data"]["own"], message["data"]["reason"]) == (True, "other")
        kind = "habeas.message.lodged.v1"
        rows = await writer.pipeline.rows("intake", **{"facts.type": kind})
        lodged_for = [fact["data"]["reason"] for row in rows for fact in row["facts"] if fact["type"] == kind]
        assert sorted(lodged_for) == ["automatic", "other", "unanswered"]
        assert (await writer.pipeline.page(case))["stopped"] == "unclear_reply"
        _, said, _ = await command(
            writer.pipeline, "inbox", "read", case, message["data"]["message"], "--as", "anna"
        )
        assert "Quand aurai-je" in said
        assert await writer.pipeline.parked() == {name: [] for name in await writer.pipeline.parked()}
