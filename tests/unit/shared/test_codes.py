import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contract.codes import (
    ALONE,
    LETTERS,
    LIFETIME,
    MOST_TYPED,
    TRIES,
    CodeVerdict,
    IssuedCode,
    digest_of,
    draw_code,
    is_code,
    judge,
    uses_a_try,
)
from shared.contract.events import EmailCode

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
KEY = b"k" * 32
DIGITS = st.from_regex(r"[0-9]{6}", fullmatch=True)
STRONG = st.from_regex(rf"[{LETTERS}]{{8}}", fullmatch=True)
CODES = DIGITS | STRONG


def issued(code: str = "042137", *, ref: str = "case/code_0", tries_left: int = TRIES) -> IssuedCode:
    return IssuedCode(digest_of(code, key=KEY, ref=ref), NOW + LIFETIME, tries_left)


def offered(code: str, *, ref: str = "case/code_0") -> str:
    return digest_of(code, key=KEY, ref=ref)


def test_a_code_is_six_digits_and_seldom_the_same() -> None:
    codes = {draw_code() for _ in range(200)}
    assert all(re.fullmatch(r"[0-9]{6}", code) for code in codes)
    assert len(codes) > 190


def test_strong_code_is_eight_letters_without_vowels_and_seldom_the_same() -> None:
    codes = {draw_code(strong=True) for _ in range(200)}
    assert all(re.fullmatch(rf"[{LETTERS}]{{4}}-[{LETTERS}]{{4}}", code) for code in codes)
    assert len(codes) == 200
    assert not set("AEIOUY01") & set(LETTERS)


@pytest.mark.slow
@given(code=STRONG, data=st.data())
def test_strong_code_matches_in_any_case_and_with_spaces_and_hyphens(code: str, data: st.DataObject) -> None:
    gaps = st.sampled_from(["", " ", "-", " - "])
    typed = "".join(data.draw(gaps) + data.draw(st.sampled_from([c, c.lower()])) for c in code)
    assert is_code(typed)
    assert judge(issued(code), offered(typed), now=NOW) is CodeVerdict.MATCHED
    assert EmailCode(kind="email_code", code=typed).code == typed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12345",
        "1234567",
        "WDJBMJH",
        "WDJBMJHTT",
        "WDJB1234",
        "WDJBMJHE",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "402815\n402815",
        "402815" + " " * MOST_TYPED,
    ],
)
def test_text_that_is_no_code_is_not_sent(text: str) -> None:
    assert not is_code(text)
    with pytest.raises(ValidationError):
        EmailCode(kind="email_code", code=text)


@given(code=CODES, before=st.sampled_from(["", "> ", "  "]), after=st.sampled_from(["", ".", " !"]))
def test_code_alone_on_a_line_is_found_in_a_text(code: str, before: str, after: str) -> None:
    found = ALONE.findall(f"Hello,\n{before}{code}{after}\nAda")
    assert found == [code]


def test_the_right_code_matches_however_it_is_padded() -> None:
    assert judge(issued(), offered(" 042137\n"), now=NOW) is CodeVerdict.MATCHED


@given(code=CODES, guess=CODES)
def test_a_code_matches_itself_and_no_other(code: str, guess: str) -> None:
    verdict = judge(issued(code), offered(guess), now=NOW)
    assert (verdict is CodeVerdict.MATCHED) == (code == guess)


@given(code=DIGITS)
def test_the_same_digits_have_another_digest_in_another_case_or_issue(code: str) -> None:
    digests = {
        digest_of(code, key=key, ref=ref)
        for key in (KEY, b"other" * 7)
        for ref in ("case/code_0", "case/code_1", "other/code_0")
    }
    assert len(digests) == 6
    assert not any(code in digest and len(digest) == len(code) for digest in digests)


@pytest.mark.parametrize(
    ("at", "verdict"),
    [
        pytest.param(LIFETIME - timedelta(microseconds=1), CodeVerdict.MATCHED, id="the last moment"),
        pytest.param(LIFETIME, CodeVerdict.EXPIRED, id="the very instant"),
        pytest.param(LIFETIME + timedelta(days=1), CodeVerdict.EXPIRED, id="a day late"),
    ],
)
def test_a_code_expires_at_its_instant(at: timedelta, verdict: CodeVerdict) -> None:
    assert judge(issued(), offered("042137"), now=NOW + at) is verdict


def test_five_wrong_codes_exhaust_it_even_for_the_right_one() -> None:
    code = issued()
    for _ in range(TRIES):
        verdict = judge(code, offered("999999"), now=NOW)
        assert verdict is CodeVerdict.WRONG
        assert uses_a_try(verdict)
        code = code.tried()
    assert judge(code, offered("042137"), now=NOW) is CodeVerdict.EXHAUSTED


def test_nothing_matches_where_no_code_was_issued() -> None:
    assert judge(None, offered("042137"), now=NOW) is CodeVerdict.NOT_ISSUED


@pytest.mark.parametrize("verdict", sorted(set(CodeVerdict) - {CodeVerdict.WRONG}))
def test_only_a_wrong_code_uses_a_try(verdict: CodeVerdict) -> None:
    assert not uses_a_try(verdict)
