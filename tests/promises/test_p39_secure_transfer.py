"""P39: personal data leaves by a download under a one-time code, never in a letter; open ways are logged."""

import io
import re

import pytest
from structlog.testing import capture_logs

from services.fulfillment.package.verification import verify_package
from services.intake.bootstrap import log_open_address
from services.notifier.bootstrap import log_open_mail
from tests.integration.pipeline import Pipeline
from tests.promises.people import People


async def test_data_is_downloaded_under_a_mailed_code_and_no_letter_carries_it(
    pipeline: Pipeline, people: People
) -> None:
    person = people[0]
    case = await pipeline.answered("access", person)
    address = f"{pipeline.settings['HABEAS_PUBLIC_URL']}/"
    assert address in pipeline.letter(person, case, "Your data package")
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    for letter in pipeline.letters_to(person, case):
        assert [part for part in letter.message.walk() if part.get_filename()] == []
        assert not any(str(number) in letter.body() for number in contact.get("phones") or ())

    path = f"/v1/requests/{case}/package"
    assert (await pipeline.http.get(path)).is_error
    assert (await pipeline.http.get(path, params={"code": "000000"})).status_code == 403
    content = await pipeline.package(case, person)
    assert verify_package(io.BytesIO(content)).ok
    codes = [re.search(r"\b[0-9]{6,}\b", one.body()) for one in pipeline.letters_to(person, case)[-1:]]
    spent = [code[0] for code in codes if code]
    assert spent
    assert (await pipeline.http.get(path, params={"code": spent[0]})).status_code == 403


@pytest.mark.parametrize(
    ("url", "logged"),
    [
        ("https://privacy.example.com", False),
        ("http://127.0.0.1:8080", False),
        ("http://localhost:8080", False),
        ("http://privacy.example.com", True),
    ],
)
def test_public_address_without_encryption_is_logged_at_start(url: str, *, logged: bool) -> None:
    with capture_logs() as lines:
        log_open_address(url)
    assert [line["variable"] for line in lines] == ["HABEAS_PUBLIC_URL"] * logged


@pytest.mark.parametrize(
    ("url", "logged"),
    [
        ("smtps://user:secret@mail.example.com:465", False),
        ("smtp://user:secret@mail.example.com:587?starttls=true", False),
        ("smtp://127.0.0.1:2525", False),
        ("smtp://user:secret@mail.example.com:25", True),
    ],
)
def test_mail_server_without_encryption_is_logged_at_start(url: str, *, logged: bool) -> None:
    with capture_logs() as lines:
        log_open_mail(url)
    assert [line["variable"] for line in lines] == ["HABEAS_SMTP_URL"] * logged
    assert "secret" not in str(lines)
