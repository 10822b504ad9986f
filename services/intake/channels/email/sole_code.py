"""
Detection of replies that consist of a code alone. Pure.

A reply counts as a proof only if its writer sent the code on purpose: it is the entire reply, without the
quoted letter and a signature that only identifies the sender. Any other text may contradict the code, so it
is not interpreted. All forms of the mail must say the same.
"""

import re
from collections.abc import Sequence

from services.intake.channels.email.parser import ParsedMail
from services.intake.channels.email.quotation import INTRODUCTION, WRAPPED, has_heads, is_introduced
from shared.contract.codes import is_code, normalized
from shared.contract.references import short_reference

QUOTED = re.compile(r"\s*>")
SIGNATURE = re.compile(r"--[ \xa0]?")
"""Beginning of a signature (RFC 3676 section 4.3); markup loses the space."""
TELEPHONE = re.compile(
    r"(?:(?:tel|phone|mobile|fax)[.:]{0,2} ?)?\+?[0-9](?:[ ()./-]{0,2}[0-9]){6,14}", re.IGNORECASE
)
ORIGINAL = re.compile(
    r"\s*(?:-{2,}\s*(?:original message|urspr.{2,4}ngliche (?:nachricht|mail)|message d.origine"
    r"|mensaje original|messaggio originale|mensagem original|oorspronkelijk bericht|原始邮件)\s*-{2,}"
    r"|_{20,})\s*",
    re.IGNORECASE,
)
"""A line between the letter and a reply to it; a forwarded mail is no reply."""
MOST_TEXTS = 2
"""One form as plain text, and one as markup."""


def sole_code(mail: ParsedMail, case: str) -> str | None:
    """Return the code that *mail*, a reply in *case*, consists of; None if it may say anything else."""
    texts = [text for text in mail.texts if text.strip()]
    if not mail.whole or not 0 < len(texts) <= MOST_TEXTS:
        return None
    codes = {_code_in(text, mail, case) for text in texts}
    return codes.pop() if len(codes) == 1 else None


def _code_in(text: str, mail: ParsedMail, case: str) -> str | None:
    lines = _without_quotations(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    end = next((number for number in range(len(lines)) if _begins_original(lines, number)), len(lines))
    own = _words_in(_without_signature(lines[:end], mail))
    if len(own) != 1 or not is_code(own[0]):
        return None
    return normalized(own[0]) if _is_original(lines[end:], case) else None


def _words_in(lines: Sequence[str]) -> list[str]:
    return [line.strip() for line in lines if line.strip()]


def _without_quotations(lines: Sequence[str]) -> list[str]:
    """Return *lines* without marked quotations, and the introductions right before them."""
    kept: list[str] = []
    for line in lines:
        if QUOTED.match(line):
            _drop_introduction(kept)
        else:
            kept.append(line)
    return kept


def _drop_introduction(lines: list[str]) -> None:
    """Remove an introduction at the end of *lines*, and the blank lines after it."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    for count in range(1, WRAPPED + 1):
        if count <= end and INTRODUCTION.match(" ".join(lines[end - count : end])):
            del lines[end - count :]
            return


def _begins_original(lines: Sequence[str], number: int) -> bool:
    return is_introduced(lines, number) or bool(ORIGINAL.fullmatch(lines[number])) or has_heads(lines, number)


def _without_signature(lines: Sequence[str], mail: ParsedMail) -> Sequence[str]:
    """Return *lines* without a signature at their end that only identifies the sender of *mail*."""
    begin = next((number for number, line in enumerate(lines) if SIGNATURE.fullmatch(line)), len(lines))
    named = all(_names_sender(line, mail) for line in _words_in(lines[begin + 1 :]))
    return lines[:begin] if named else lines


def _names_sender(line: str, mail: ParsedMail) -> bool:
    """Return whether *line* is a telephone number, or the name (or a part), address or site of the sender."""
    said, address = line.casefold(), mail.address.casefold()
    domain = address.rpartition("@")[2]
    names = set(mail.name.casefold().split())
    return (
        said in {address, f"www.{domain}", f"https://{domain}", f"https://www.{domain}"}
        or names.issuperset(said.split())
        or TELEPHONE.fullmatch(line) is not None
    )


def _is_original(lines: Sequence[str], case: str) -> bool:
    """
    Return whether *lines* are the letter as an unmarked quotation, or empty.

    It has the heads of a mail, and ends with our reference: text below is detected. Of quotations in markup,
    only the introduction is left.
    """
    said = _words_in(lines)
    if not said or (len(said) <= WRAPPED and INTRODUCTION.match(" ".join(said))):
        return True
    headed = any(has_heads(lines, number) for number in range(min(len(lines), WRAPPED + 2)))
    # Letters of earlier versions end with the whole id.
    return headed and said[-1].endswith((short_reference(case), case))
