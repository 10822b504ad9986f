"""A signed letter passes another library's verifier, and is the same to the byte at each signing."""

from base64 import b64encode
from dataclasses import replace
from functools import cache

import dkim as verifier
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from services.notifier.letters.composer import compose
from services.notifier.smtp.dkim import DkimSigner, SigningKey, signer
from tests.unit.notifier.sample_letters import LETTERS, MESSAGE_ID, SENDER, WRITTEN_AT, letter

DOMAIN, SELECTOR = "example.com", "habeas2026"


@cache
def key_of(algorithm: str) -> SigningKey:
    return Ed25519PrivateKey.generate() if algorithm == "ed25519" else rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey | Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(params=["rsa", "ed25519"])
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ours(algorithm: str) -> DkimSigner:
    return signer(DOMAIN, SELECTOR, pem(key_of(algorithm)))


def record(algorithm: str) -> bytes:
    """Return what the name server says (RFC 6376 section 3.6.1, RFC 8463 section 4)."""
    public = key_of(algorithm).public_key()
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if algorithm == "ed25519":
        form = (Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k={algorithm}; p={b64encode(public.public_bytes(*form)).decode()}".encode()


def convinces(message: bytes, algorithm: str) -> bool:
    def look_up(name: bytes, timeout: int = 5) -> bytes:
        del timeout
        assert name == f"{SELECTOR}._domainkey.{DOMAIN}.".encode()
        return record(algorithm)

    return bool(verifier.verify(message, dnsfunc=look_up))


def written(kind: str, name: str = "Amélia Ferreira") -> bytes:
    one = replace(letter(LETTERS[kind]), name=name)
    return compose(one, sender=SENDER, message_id=MESSAGE_ID, date=WRITTEN_AT).message


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["acknowledgement", "code", "access granted"])
def test_a_letter_is_signed_so_that_another_verifier_agrees(kind: str) -> None:
    ours = signer(DOMAIN, SELECTOR, pem(key_of("rsa")))
    assert convinces(ours.sign(written(kind)), "rsa")


def test_ed25519_convinces_another_verifier_too() -> None:
    ours = signer(DOMAIN, SELECTOR, pem(key_of("ed25519")))
    assert convinces(ours.sign(written("code")), "ed25519")


@pytest.mark.slow
def test_a_name_that_is_folded_over_lines_is_signed_as_well(ours: DkimSigner, algorithm: str) -> None:
    assert convinces(ours.sign(written("code", "王小明" * 10)), algorithm)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"402", b"403", id="a digit of the code"),
        pytest.param(b"\r\nTo: ", b"\r\nTo: Eve ", id="who it is for"),
        pytest.param(b"\r\nSubject: ", b"\r\nSubject: Win! ", id="the subject"),
        pytest.param(b"\r\nTo: ", b"\r\nFrom: evil@example.net\r\nTo: ", id="a second sender"),
        pytest.param(b"\r\nTo: ", b"\r\nSubject: Win!\r\nTo: ", id="a second subject"),
    ],
)
def test_any_change_on_the_way_breaks_the_signature(
    before: bytes, after: bytes, ours: DkimSigner, algorithm: str
) -> None:
    message = ours.sign(written("code"))
    assert before in message
    assert not convinces(message.replace(before, after, 1), algorithm)


@pytest.mark.slow
def test_relays_may_add_headers_and_wrap_lines_anew(ours: DkimSigner, algorithm: str) -> None:
    message = b"Received: from a\r\n\tby b; today\r\nX-Spam: no\r\n" + ours.sign(written("code"))
    assert convinces(message.replace(b"\r\nSubject: ", b"\r\nSubject:\r\n   "), algorithm)
    assert convinces(message + b"\r\n\r\n", algorithm)


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n", b"a  b\t c \r\n\r\n", b"no break at the end"])
def test_an_unusual_body_is_signed_too(body: bytes, ours: DkimSigner, algorithm: str) -> None:
    message = b"From: a@example.com\r\nTo: b@example.org\r\nSubject:  x  y \r\n\r\n" + body
    assert convinces(ours.sign(message), algorithm)


@pytest.mark.slow
def test_the_same_letter_signed_again_is_the_same_to_the_byte(ours: DkimSigner, algorithm: str) -> None:
    again = signer(DOMAIN, SELECTOR, pem(key_of(algorithm)))
    assert ours.sign(written("code")) == again.sign(written("code"))


@pytest.mark.slow
def test_no_line_is_longer_than_a_relay_must_take(ours: DkimSigner) -> None:
    head = ours.sign(written("code")).partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 998, "RFC 5322 2.1.1"


@pytest.mark.slow
def test_a_signer_does_not_show_its_key(ours: DkimSigner) -> None:
    assert "rivate" not in repr(ours)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(b"s3cret", id="no key"),
        pytest.param(pem(rsa.generate_private_key(65537, 1024)), id="too short"),  # noqa: S505  it is refused
        pytest.param(pem(ec.generate_private_key(ec.SECP256R1())), id="of no kind that DKIM knows"),
        pytest.param(
            Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret")
            ),
            id="with a password",
        ),
    ],
)
def test_a_key_that_cannot_sign_is_refused_and_not_quoted(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="key") as caught:
        signer(DOMAIN, SELECTOR, wrong)
    assert wrong.decode()[:40] not in str(caught.value)


@pytest.mark.parametrize("selector", ["", "a;b", "a b", ".a", "x" * 64])
def test_a_selector_is_a_name(selector: str) -> None:
    with pytest.raises(ValueError, match="selector"):
        signer(DOMAIN, selector, pem(key_of("ed25519")))
