"""
The sender's own words in a mail, without quoted mails and signature. Pure.

Uncertain lines count as the sender's own: the cost is a question back at worst.
"""

import re
from collections.abc import Sequence

QUOTED = re.compile(r"^\s*(?:>|\|\s)")
SIGNATURE = re.compile(r"^(?:-- ?|__+|—\s*)$")
SENT_FROM = re.compile(
    r"^\s*(?:sent from my|sent from (?:outlook|mail|yahoo)|get outlook for|von meinem? .{1,30} gesendet"
    r"|gesendet (?:von|mit) |diese nachricht wurde von mein|envoy[ée] de(?:puis)? mon|envoy[ée] depuis"
    r"|enviado desde|enviado do meu|inviato da|verzonden vanaf|verstuurd vanaf|发自我的|從我的|发送自)",
    re.IGNORECASE,
)
SEPARATOR = re.compile(
    r"^\s*(?:"
    r"-{2,}\s*(?:original|forwarded|urspr|weitergeleitete|message|mensaje|messaggio|mensagem|oorspronkelijk"
    r"|doorgestuurd|原始邮件|转发)"
    r"|_{20,}"
    r"|begin forwarded message"
    r")",
    re.IGNORECASE,
)
"""A line between a reply and the earlier mail below."""
INTRODUCTION = re.compile(
    r"^\s*(?:"
    r"on .{4,120} wrote:?\s*$"
    r"|am .{4,120} schrieb.{0,120}:?\s*$"
    r"|le .{4,120} a [ée]crit\s*:?\s*$"
    r"|el .{4,120} escribi[óo]\s*:?\s*$"
    r"|il .{4,120} ha scritto\s*:?\s*$"
    r"|em .{4,120} escreveu\s*:?\s*$"
    r"|op .{4,120} (?:schreef|het volgende geschreven).{0,120}:?\s*$"
    r"|(?:在|于|於|\d{4}).{0,80}(?:写道|寫道)\s*[:：]\s*$"
    r")",
    re.IGNORECASE,
)
"""Lines that introduce the author of an earlier mail."""
HEADS = re.compile(r"^\s*\**(?:from|von|de|da|van|发件人|寄件者)\**\s*[:：]\**\s*\S", re.IGNORECASE)
SECOND_HEAD = re.compile(
    r"^\s*\**(?:sent|date|gesendet|datum|envoy[ée]|date|enviado(?: el)?|fecha|inviato|data|enviada|verzonden"
    r"|to|an|[àa]|para|a|aan|发送时间|收件人|subject|betreff|objet|asunto|oggetto|assunto|onderwerp|主题)\**\s*[:：]",
    re.IGNORECASE,
)
MAILED = re.compile(
    r"^\s*\**(?:sent|gesendet|envoy[ée]|enviad[oa](?: el)?|inviato|verzonden|发送时间)\**\s*[:：]",
    re.IGNORECASE,
)
"""Fields in the head of a mail, but not of a letter."""
WRAPPED = 2
"""Lines of a wrapped introduction."""


def own_words(text: str) -> str:
    """Return the sender's own words in *text*."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    own: list[str] = []
    for number, line in enumerate(lines):
        if _ends_at(lines, number):
            if any(own) or not _begins_letter(lines, number):
                break
            continue
        if not QUOTED.match(line):
            own.append(line.rstrip())
    return "\n".join(own).strip()


def _begins_letter(lines: list[str], number: int) -> bool:
    """Return whether a line without predecessor is a rule, or the head of a letter that was not mailed."""
    if SIGNATURE.match(lines[number]):
        return True
    head = lines[number : number + 4]
    return bool(HEADS.match(lines[number])) and not any("@" in line or MAILED.match(line) for line in head)


def _ends_at(lines: Sequence[str], number: int) -> bool:
    """Return whether the rest from a line on is a signature or an earlier mail."""
    line = lines[number]
    if SIGNATURE.match(line) or SENT_FROM.match(line):
        return True
    return bool(SEPARATOR.match(line)) or is_introduced(lines, number) or has_heads(lines, number)


def is_introduced(lines: Sequence[str], number: int) -> bool:
    """Return whether an introduction of an earlier mail, possibly wrapped, begins at a line."""
    return any(
        INTRODUCTION.match(" ".join(lines[number : number + count])) for count in range(1, WRAPPED + 1)
    )


def has_heads(lines: Sequence[str], number: int) -> bool:
    """Return whether the head of an earlier mail begins at a line."""
    following = lines[number + 1 : number + 4]
    return bool(HEADS.match(lines[number])) and any(map(SECOND_HEAD.match, following))
