"""
The printed side of cards and licences, compared with their machine-readable part. Pure.

Print and machine-readable part that agree with each other prove no more than that: both may be forged.
"""

from services.verifier.documents.cards.comparison import (
    ExpectedPrint,
    MachineSource,
    print_checks,
    specimen_check,
)
from services.verifier.documents.cards.fields import Printed, PrintedField, PrintedFields, printed_fields

__all__ = [
    "ExpectedPrint",
    "MachineSource",
    "Printed",
    "PrintedField",
    "PrintedFields",
    "print_checks",
    "printed_fields",
    "specimen_check",
]
