"""Where letters go is read from one URL."""

import pytest

from services.notifier.smtp.mail_channel import SmtpChannel
from shared.errors import ConfigurationError


@pytest.mark.parametrize(
    "url",
    [
        "http://habeas:s3cret@mail.example.com",
        "smtp://",
        "smtp://habeas:s3cret@mail.example.com:many",
        "smtp://habeas:s3cret@mail.example.com:70000",
        "smtp://habeas:s3cret@mail.example.com?starttls=perhaps",
        "smtp://habeas:s3cret@mail.example.com?tls=true",
        "smtps://habeas:s3cret@mail.example.com?starttls=true",
    ],
)
def test_a_wrong_url_is_named_by_its_setting_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError, match="HABEAS_SMTP_URL") as caught:
        SmtpChannel(url)
    assert "s3cret" not in str(caught.value)
