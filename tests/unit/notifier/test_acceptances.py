"""What is kept of the answer of a mail server that took a letter."""

import pytest
from aiosmtplib import SMTPResponse

from services.notifier.smtp.server import proof


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        pytest.param("2.0.0 Ok: queued as 4F2A1B", "2.0.0 4F2A1B", id="Postfix"),
        pytest.param("OK id=1tGkXy-0001Ab-2C", "1tGkXy-0001Ab-2C", id="Exim"),
        pytest.param(
            "Ok 0100018b2c3d4e5f-6a7b8c9d-000000", "0100018b2c3d4e5f-6a7b8c9d-000000", id="by its length"
        ),
        pytest.param("2.6.0 <x@example.com> [InternalId=1234567, Host=A]", "2.6.0 1234567", id="Exchange"),
        pytest.param("2.0.0 Ok: queued for Ada Lovelace", "2.0.0", id="a name"),
        pytest.param("2.1.5 ada.lovelace=example.org delivered", "2.1.5", id="a disguised address"),
        pytest.param("ada.lovelace1815 at example.org accepted", "", id="a mailbox"),
        pytest.param("2.0.0 queued as ada1815@example.org", "2.0.0", id="an address"),
        pytest.param("2.0.0 queued as Lovelace", "2.0.0", id="a name in the place of an id"),
        pytest.param('"ada lovelace"@example.org fine', "", id="a quoted address"),
    ],
)
def test_code_status_and_queue_id_are_kept_and_no_word_that_may_name_a_person(said: str, kept: str) -> None:
    assert proof(SMTPResponse(250, said)) == f"250 {kept}".strip()
