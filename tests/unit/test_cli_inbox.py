"""The verb that prints the classification of a mail."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from habeas.cli.letters import mail_in
from habeas.client.opened_cases import ContentOpening
from shared.errors import UnknownRequest

MAIL = """\
From: Ada Example <ada@example.org>
Subject: California privacy rights
{fields}
Please delete my account.

> Send me a copy of my data.
"""


def explain(tmp_path: Path, *options: str, fields: str = "") -> str:
    file = tmp_path / "mail.eml"
    file.write_text(MAIL.format(fields=fields), encoding="utf-8")
    result = CliRunner().invoke(
        app, ["inbox", "explain", str(file), "--state", str(tmp_path), *options], catch_exceptions=False
    )
    assert result.exit_code == 0
    return result.stdout


def test_classification_of_a_mail_names_its_words(tmp_path: Path) -> None:
    said = explain(tmp_path)
    for line in (
        "outcome     opens a case",
        "right       erasure",
        "en.erasure.1 in the words: delete my account",
        "place.US-CA.subject in the subject: california privacy rights",
        "words       Please delete my account.",
    ):
        assert line in said


def test_classification_is_printed_as_json(tmp_path: Path) -> None:
    found = json.loads(explain(tmp_path, "--json"))
    assert (found["right"], found["residence"], found["language"]) == (
        "erasure",
        {"country": "US", "subdivision": "CA"},
        "en",
    )


def test_mail_without_case_has_its_reason(tmp_path: Path) -> None:
    assert "opens no case: automatic" in explain(tmp_path, fields="Auto-Submitted: auto-replied\n")


def test_a_mail_from_our_own_address_is_a_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_INBOX_ADDRESS", "ada@example.org")
    assert "opens no case: loop" in explain(tmp_path)


class OneMail:
    """An opened case with a mail, and more content."""

    async def content(self) -> dict[str, Any]:
        return {"mails": [{"item": "mail"}], "submission": {}}

    async def item(self, name: str) -> bytes:
        return f"the {name}".encode()


@pytest.mark.parametrize("item", ["submission", "inquiry", "answer", "code_1", "package_1"])
async def test_other_sealed_content_is_not_read_as_a_mail(item: str) -> None:
    opened = cast("ContentOpening", OneMail())
    assert await mail_in(opened, "mail") == b"the mail"
    with pytest.raises(UnknownRequest):
        await mail_in(opened, item)
