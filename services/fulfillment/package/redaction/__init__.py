"""
Blacks out other people in a text that is handed to one person: their addresses, numbers and names.

What is the person's own stays, however it is written. A name is known, because records name somebody else
so, or something speaks for it: what stands before or beside it, or that it is a frequent given name.
Everything else that begins with a capital letter stays. Some names are not recognised; who reads the text is
told so. Pure.

Law:
    GDPR Art. 15(4): the copy must not adversely affect the rights and freedoms of others; recital 63 and EDPB
    Guidelines 01/2022 para. 173: what concerns them is made illegible, and the rest is handed over.
    11 CCR § 7024(d): numbers of accounts and cards are never sent, whosesoever they are.
"""

from services.fulfillment.package.redaction.known import MOST_NAMES
from services.fulfillment.package.redaction.own import Own
from services.fulfillment.package.redaction.redactor import Redacted, Redactor
from services.fulfillment.package.redaction.spans import RedactedKind
from services.fulfillment.package.redaction.tokens import folded

__all__ = ["MOST_NAMES", "Own", "Redacted", "RedactedKind", "Redactor", "folded"]
