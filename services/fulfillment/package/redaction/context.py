"""The context of a text in which names are looked for."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from services.fulfillment.package.redaction.mailboxes import Mailboxes
from services.fulfillment.package.redaction.own import Own
from services.fulfillment.package.redaction.runs import WordRun
from services.fulfillment.package.redaction.spans import TextSpan

WIDEST = 24
"""Most characters between a name and the person's number or address."""
IN_BRACKETS = re.compile(r">?[ \t\u00a0]*\(")


@dataclass(frozen=True, slots=True)
class TextContext:
    """The known facts about a text."""

    reached: Sequence[TextSpan]
    """Addresses and numbers of others, in order."""
    mailboxes: Mailboxes
    own: Own

    def next_to(self, run: WordRun) -> str | None:
        """Return the text between *run* and the address or number after it; None if none follows."""
        at = bisect_left(self.reached, (run.end,))
        if at == len(self.reached) or self.reached[at].start - run.end > WIDEST:
            return None
        return run.text[run.end : self.reached[at].start]

    def follows(self, run: WordRun) -> bool:
        """Return whether *run* stands in brackets after an address or a number."""
        at = bisect_left(self.reached, (run.start,)) - 1
        if at < 0 or run.text[run.end : run.end + 1] != ")":
            return False
        return IN_BRACKETS.fullmatch(run.text, self.reached[at].end, run.start) is not None
