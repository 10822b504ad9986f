"""
The printed side of cards and licences, and whether it agrees with what a machine reads on them. Pure.

Print and machine-readable part that agree with each other prove no more than that: both may be forged.
"""

from services.verifier.documents.cards.comparing import Expected, Source, print_checks, specimen_check
from services.verifier.documents.cards.fields import Field, Printed, PrintedFields, printed_fields

__all__ = [
    "Expected",
    "Field",
    "Printed",
    "PrintedFields",
    "Source",
    "print_checks",
    "printed_fields",
    "specimen_check",
]
