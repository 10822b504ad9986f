"""
The grounds of an erasure that only the person can claim: unlawful processing, and a duty to erase.

Pure. The map does not show them, so staff judge the claim (GDPR Art. 17(1)(d), (e)). Words count only where
they are clear: a missed claim is answered like any other request, and a wrong one costs a look of the staff.
"""

import re
from collections.abc import Mapping
from enum import StrEnum


class ErasureClaim(StrEnum):
    """A ground of an erasure that staff judge."""

    UNLAWFUL_PROCESSING = "unlawful_processing"
    """GDPR Art. 17(1)(d)."""
    ERASURE_DUTY = "erasure_duty"
    """GDPR Art. 17(1)(e): a law obliges the company to erase the data."""


_ARTICLE = r"\bart\w*\.? ?17 ?(?:\(1\)|abs\. ?1) ?\(?(?:lit\. ?|buchst\. ?)?"
_ERASE = r"(?:erase|delete|erasure|deletion|removal|remove)"
_WORDS: Mapping[ErasureClaim, tuple[str, ...]] = {
    ErasureClaim.UNLAWFUL_PROCESSING: (
        rf"{_ARTICLE}d\b",
        r"\bunlawful(?:ly)? process(?:ed|ing)|\bprocess(?:ed|ing)\b[^.!?]{0,40}?\b(?:unlawfully|illegally)",
        r"\b(?:unrechtmäßig|rechtswidrig)\w* (?:verarbeitet|verarbeitung|gespeichert)",
        r"\btraitement illicite|\btraitées?\b[^.!?]{0,30}?\billicite",
        r"\btratamiento ilícito|\btratamento ilícito|\btratados?\b[^.!?]{0,30}?\bilícita",
        r"\btrattamento illecito|\btrattati\b[^.!?]{0,30}?\billecit",
        r"\bonrechtmatige? (?:verwerkt|verwerking)",
        r"(?:非法|违法)处理",
    ),
    ErasureClaim.ERASURE_DUTY: (
        rf"{_ARTICLE}e\b",
        rf"\blegal(?:ly)? (?:obligation|obliged|required|duty)\b[^.!?]{{0,40}}?\b{_ERASE}\b",
        rf"\b(?:court|law|judgment|order)\b[^.!?]{{0,30}}?\b(?:requires|orders|obliges) you to {_ERASE}\b",
        r"\b(?:gesetzlich|rechtlich)\w* (?:verpflichtet|pflicht|verpflichtung)\b[^.!?]{0,60}?lösch",
        r"\bobligation légale\b[^.!?]{0,40}?(?:effac|supprim)",
        r"\bobligación legal\b[^.!?]{0,40}?(?:suprimir|borrar|eliminar)",
        r"\bobbligo (?:legale|di legge)\b[^.!?]{0,40}?cancella",
        r"\bwettelijk\w* (?:verplicht|verplichting)\b[^.!?]{0,60}?(?:wissen|verwijderen)",
        r"\bobrigação (?:legal|jurídica)\b[^.!?]{0,40}?(?:apagar|eliminar)",
        r"法律(?:规定|要求)[^。]{0,15}?删除",
    ),
}
_PATTERNS: Mapping[ErasureClaim, re.Pattern[str]] = {
    claim: re.compile("|".join(words), re.IGNORECASE) for claim, words in _WORDS.items()
}


def erasure_claim(words: str) -> ErasureClaim | None:
    """Return the ground that the *words* of a person claim for an erasure; None if they claim none."""
    return next((claim for claim, pattern in _PATTERNS.items() if pattern.search(words)), None)
