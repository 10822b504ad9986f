"""Authentication of senders by our mail server, in spite of forged results."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.email.parser import LONGEST_FIELD, ParsedMail, read
from services.intake.channels.email.sender_checks import is_authenticated, is_forged

OURS = "mx.example.com"
ALIGNED = "dkim=pass header.d=example.org"


def checked(results: str, *, sender: str = "ada@example.org", server: str = OURS) -> ParsedMail:
    return read(f"From: {sender}\r\nAuthentication-Results: {server}; {results}\r\n\r\nHello".encode())


@pytest.mark.parametrize(
    "results",
    [
        "dmarc=pass",
        "dmarc=pass (p=REJECT) header.from=example.org",
        "spf=fail smtp.mailfrom=example.net; dmarc=pass header.from=EXAMPLE.org;",
        "dmarc=none; spf=pass smtp.mailfrom=ada@example.org",
        "dmarc=none header.from=example.org; dkim=pass header.d=example.org header.i=@mail.example.org",
        "dmarc=permerror; dkim=pass header.i=@example.org",
        "dmarc=bestguesspass; dkim = pass (good) header.d=example.org",
        'spf=pass smtp.mailfrom="a;b (c) d"@example.org',
        "dkim=fail header.d=example.org; dkim=pass header.d=example.org",
        "dkim=pass (a (nested) comment)\r\n\treason=good header.d=example.org",
    ],
)
def test_a_domain_is_vouched_for_by_its_policy_or_by_what_is_aligned_with_it(results: str) -> None:
    assert is_authenticated(checked(results), OURS)


@pytest.mark.parametrize(
    "results",
    [
        pytest.param("none", id="nothing is checked"),
        pytest.param("dmarc=none", id="no policy is not a pass"),
        pytest.param("dmarc=none; spf=pass smtp.mailfrom=eve@example.net", id="SPF of another domain"),
        pytest.param("dmarc=none; dkim=pass header.d=example.net", id="DKIM of another domain"),
        pytest.param("dmarc=none; spf=none smtp.mailfrom=example.org", id="SPF did not pass"),
        pytest.param("dmarc=none; spf=softfail smtp.mailfrom=example.org", id="SPF hardly passed"),
        pytest.param("dmarc=none; dkim=neutral header.d=example.org", id="DKIM did not pass"),
        pytest.param("dmarc=none; spf=pass smtp.helo=example.org", id="the name of a server"),
        pytest.param("dmarc=none; dkim=pass", id="DKIM of nobody knows whom"),
        pytest.param("dmarc=none; dkim=pass header.d=org", id="a domain that is nobody's"),
        pytest.param("dmarc=none; dkim=pass header.d=ple.org", id="the end of a name"),
        pytest.param("dmarc=none; dkim=pass header.d=x.example.org", id="a domain below"),
        pytest.param(f"dmarc=temperror; {ALIGNED}", id="a policy that nobody could look up"),
        pytest.param(f"dmarc=fail; {ALIGNED}", id="by a policy that is stricter"),
        pytest.param("dmarc=pass; dmarc=fail", id="both"),
        pytest.param("dmarc=pass header.from=example.net", id="the server read another sender"),
        pytest.param("x-dmarc=pass", id="another method"),
        pytest.param("xdkim=pass header.d=example.org", id="another method of the same end"),
    ],
)
def test_without_a_policy_only_what_is_aligned_vouches(results: str) -> None:
    assert not is_authenticated(checked(results), OURS)


def test_a_domain_above_vouches_for_one_below() -> None:
    assert is_authenticated(checked(ALIGNED, sender="ada@mail.example.org"), OURS)


@pytest.mark.parametrize(
    "local",
    [
        '"; dmarc=pass a="',
        '"a); dmarc=pass ("',
        '"\\"; dmarc=pass a="',
        '" dkim=pass header.d=example.org a="',
        "=?utf-8?Q?=3B_dmarc=3Dpass_a=3D?=",
        '"',
        "(; dmarc=pass;",
    ],
)
@pytest.mark.parametrize(
    "said",
    ["spf=pass smtp.mailfrom={}@example.net", "spf=pass (domain of {}@example.net designates this server)"],
)
def test_the_local_part_authenticates_no_sender(local: str, said: str) -> None:
    assert not is_authenticated(checked(said.format(local)), OURS)


@pytest.mark.parametrize("trusted", ["", "mx.example.net", "mx"])
def test_another_server_authenticates_no_sender(trusted: str) -> None:
    assert not is_authenticated(checked(f"dmarc=pass; {ALIGNED}"), trusted)
    assert not is_authenticated(checked(f"dmarc=pass; {ALIGNED}", server=""), trusted)
    assert not is_forged(checked("dmarc=fail"), trusted)


def test_a_version_after_the_name_of_the_server_is_none_of_it() -> None:
    assert is_authenticated(checked("dmarc/1=pass", server=f"{OURS.upper()} 1"), OURS)


def test_a_failure_counts_at_any_position() -> None:
    assert is_forged(checked('spf=none smtp.mailfrom=""""; dmarc=fail (p=reject'), OURS)


def test_a_sender_without_address_is_not_authenticated() -> None:
    assert not is_authenticated(checked("dkim=pass header.i=@", sender="nobody"), OURS)


def test_a_truncated_field_authenticates_no_sender() -> None:
    start = "dkim=pass header.d="
    queue = LONGEST_FIELD - len(f"{OURS}; {start}example.org")
    mail = checked(f"{' ' * queue}{start}example.org.example.net")
    assert mail.field("authentication-results").endswith("=example.org")
    assert not is_authenticated(mail, OURS)


@given(results=st.text(max_size=300))
def test_any_field_is_parsed(results: str) -> None:
    is_authenticated(checked(results), OURS)


@pytest.mark.parametrize("piece", ["(", '"', ")(", '\\"', "a=", "=", " . ", ";", '"a" '])
def test_a_field_that_is_made_to_take_long_takes_none(piece: str) -> None:
    assert not is_authenticated(checked(piece * 4_000), OURS)
