"""
Redaction: blacks out other people in a text for one person: their addresses, numbers and names.

The person's own data stays, in any notation. A name is known from the records, or there is evidence for it:
the words before or beside it, or a frequent given name. All other capitalised words stay. Some names are not
recognised; the answer says so. Pure.

Law:
    GDPR Art. 15(4): the copy must not adversely affect the rights and freedoms of others; recital 63 and EDPB
    Guidelines 01/2022 para. 173: data that concerns them is made illegible, and the rest is disclosed.
    Numbers of accounts and cards may be others'; the person's own stay where the answer shows them in full.
    11 CCR § 7024(d): under Californian law no such number is sent.
"""

from services.fulfillment.package.redaction.own import MOST_NAMES, Own
from services.fulfillment.package.redaction.redactor import Redacted, Redactor, compact
from services.fulfillment.package.redaction.spans import RedactedKind, folded

__all__ = ["MOST_NAMES", "Own", "Redacted", "RedactedKind", "Redactor", "compact", "folded"]
