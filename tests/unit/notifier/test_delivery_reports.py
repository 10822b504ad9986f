"""What is read in a mail server's report, and what in all else that comes to its address."""

from email import message_from_bytes
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.smtp.delivery_reports import (
    LARGEST,
    LARGEST_HEAD,
    MOST_GROUPS,
    DeliveryReport,
    report_in,
)
from shared.contract.events import DeliveryAction
from shared.mail.mime_parts import LONGEST_TYPE

A = DeliveryAction


def dsn(*fields: str, kind: str = "message/delivery-status", nl: str = "\r\n") -> bytes:
    """Return a report as the RFC's own example looks (RFC 3464 appendix E)."""
    lines = [
        "From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.org>",
        "To: <bounces@example.com>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="RAA14128.773615765/MX"',
        "Subject: Returned mail: Cannot send message for 5 days",
        "Auto-Submitted: auto-generated (failure)",
        "",
        "--RAA14128.773615765/MX",
        "",
        "The original message was received at Sat, 2 Jul 1994 17:10:28 -0400",
        "Action: delivered",  # prose is no field
        "",
        "--RAA14128.773615765/MX",
        f"content-type: {kind}",
        "",
        "Reporting-MTA: dns; mx.example.org",
        "Arrival-Date: Sat, 2 Jul 1994 17:10:28 -0400",
        "",
        *fields,
        "",
        "--RAA14128.773615765/MX",
        "content-type: message/rfc822",
        "",
        "Message-ID: <1@example.com>",
        "",
        "Status: 2.0.0",
        "--RAA14128.773615765/MX--",
    ]
    return nl.join(lines).encode()


def of_one(action: str, status: str) -> bytes:
    return dsn(
        "Original-Recipient: rfc822;ada@example.org",
        "Final-Recipient: rfc822;ada@example.org",
        f"Action: {action}",
        f"Status: {status}",
        "Diagnostic-Code: smtp; 550 5.7.1 ada@example.org\r\n blocked",
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(of_one("failed", "5.1.1"), DeliveryReport(A.FAILED, "5.1.1"), id="failed"),
        pytest.param(of_one("failed", "4.4.7"), DeliveryReport(A.FAILED, "4.4.7"), id="given up"),
        pytest.param(of_one("delayed", "4.4.1"), DeliveryReport(A.DELAYED, "4.4.1"), id="delayed"),
        pytest.param(of_one("delivered", "2.1.5"), DeliveryReport(A.DELIVERED, "2.1.5"), id="delivered"),
        pytest.param(of_one("relayed", "2.0.0"), DeliveryReport(A.DELIVERED, "2.0.0"), id="relayed"),
        pytest.param(
            of_one("Failed (twice)", "5.0.0 (dead)"), DeliveryReport(A.FAILED, "5.0.0"), id="comments"
        ),
        pytest.param(of_one("", "5.2.1"), DeliveryReport(A.FAILED, "5.2.1"), id="no action: by the class, 5"),
        pytest.param(
            of_one("", "4.2.2"), DeliveryReport(A.DELAYED, "4.2.2"), id="no action: by the class, 4"
        ),
        pytest.param(
            of_one("", "2.0.0"), DeliveryReport(A.DELIVERED, "2.0.0"), id="no action: by the class, 2"
        ),
        pytest.param(of_one("failed", "smtp; 550"), DeliveryReport(A.FAILED, "5.0.0"), id="no status"),
        pytest.param(
            dsn("Action: delivered", "Status: 2.0.0", "", "Action: failed", "Status: 5.1.1"),
            DeliveryReport(A.FAILED, "5.1.1"),
            id="of several the worst",
        ),
        pytest.param(
            dsn(*["X: y", ""] * (MOST_GROUPS - 2), "Action: failed"),
            DeliveryReport(A.FAILED, "5.0.0"),
            id="the last group",
        ),
        pytest.param(
            dsn("Action: failed", "Status: 5.1.1", nl="\n"),
            DeliveryReport(A.FAILED, "5.1.1"),
            id="bare line feeds",
        ),
        pytest.param(
            dsn("Action: failed", "Status: 5.6.7", kind="message/global-delivery-status"),
            DeliveryReport(A.FAILED, "5.6.7"),
            id="RFC 6533",
        ),
    ],
)
def test_a_report_is_read_by_its_fields(content: bytes, expected: DeliveryReport) -> None:
    assert report_in(content) == expected


@pytest.mark.parametrize(
    ("action", "status", "again"),
    [
        ("failed", "4.4.7", True),
        ("failed", "4.2.2", True),
        ("failed", "5.2.2", True),
        ("failed", "5.3.2", True),
        ("failed", "5.1.1", False),
        ("failed", "5.7.1", False),
        ("delayed", "4.4.1", False),
        ("delivered", "2.0.0", False),
    ],
)
def test_a_letter_is_sent_again_where_the_cause_of_its_return_may_pass(
    action: str, status: str, again: bool
) -> None:
    report = report_in(of_one(action, status))
    assert report is not None
    assert report.may_be_sent_again is again


def out_of_office() -> bytes:
    message = EmailMessage()
    message["Subject"] = "I am away"
    message["Auto-Submitted"] = "auto-replied"
    message.set_content("Status: 5.1.1\r\nAction: failed\r\n")
    return message.as_bytes()


def read_receipt() -> bytes:
    return dsn(
        "Disposition: manual-action/MDN-sent-manually; displayed", kind="message/disposition-notification"
    )


def nested(depth: int) -> bytes:
    part = b"x"
    for level in range(depth):
        part = b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n%s\r\n--%d--' % (
            level,
            level,
            part,
            level,
        )
    return b'Content-Type: multipart/report; boundary="b"\r\n\r\n--b\r\n' + part + b"\r\n--b--"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(out_of_office(), id="out of office"),
        pytest.param(read_receipt(), id="a read receipt"),
        pytest.param(dsn("Action: expected"), id="no known action and no status"),
        pytest.param(dsn(), id="no recipient"),
        pytest.param(
            b"Content-Type: multipart/report\r\n\r\nAction: failed\r\nStatus: 5.1.1", id="no boundary"
        ),
        pytest.param(nested(3_000), id="parts in parts in parts"),
        pytest.param(of_one("failed", "5.1.1") + b"x" * LARGEST, id="too large"),
        pytest.param(of_one("failed", "5.1.1")[:400], id="cut off"),
        pytest.param(b"X: " + b"x" * LARGEST_HEAD + b"\r\n" + of_one("failed", "5.1.1"), id="a long head"),
        pytest.param(
            of_one("failed", "5.1.1").replace(b"; report-type", b";" * LONGEST_TYPE + b" report-type"),
            id="a long type",
        ),
        pytest.param(
            dsn("Action: failed", kind="message/delivery-status" + ";" * LONGEST_TYPE),
            id="a long type of a part",
        ),
        pytest.param(dsn("Action: failed", "X: " + "x" * LARGEST_HEAD), id="a long group of fields"),
        pytest.param(dsn(*["X: y", ""] * (MOST_GROUPS - 1), "Action: failed"), id="the group after the last"),
        pytest.param(
            b'Content-Type: multipart/report; boundary="\xff\xfe"\r\n\r\n--\xff\r\n\r\n', id="no text"
        ),
    ],
)
def test_message_without_a_report_yields_nothing(content: bytes) -> None:
    assert report_in(content) is None


@pytest.mark.parametrize(
    "boundary", ["boundary*0=x; boundary*1=y; boundary*=q", "boundary*=idna''%ff", "boundary*=a%00b''x"]
)
def test_a_boundary_that_cannot_be_read_is_none(boundary: str) -> None:
    content = of_one("failed", "5.1.1").replace(b'boundary="RAA14128.773615765/MX"', boundary.encode())
    assert boundary.encode() in content
    assert report_in(content) is None


@given(st.binary(max_size=500))
def test_any_bytes_are_read_without_an_error(noise: bytes) -> None:
    report_in(noise)
    report_in(of_one("failed", "5.1.1")[:450] + noise)


def test_signature_of_another_library_is_read() -> None:
    status = message_from_bytes(
        b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    )
    message = MIMEMultipart("report", None, [MIMEText("Sorry"), status], report_type="delivery-status")
    assert report_in(message.as_bytes()) == DeliveryReport(A.FAILED, "5.1.1")
