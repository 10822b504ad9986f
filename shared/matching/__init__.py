"""
Comparison of values: names, addresses, telephone numbers, mail addresses, dates. Pure.

Three outcomes, because two are not enough: a case for a person is neither a match nor a mismatch.
"""

from shared.matching.addresses import Address, match_addresses, match_streets
from shared.matching.contacts import mailbox, match_emails, match_phones
from shared.matching.dates import match_dates, read_dates
from shared.matching.name_words import PersonName
from shared.matching.names import match_names, match_parts
from shared.matching.outcome import Doubt, Match, MatchOutcome

__all__ = [
    "Address",
    "Doubt",
    "Match",
    "MatchOutcome",
    "PersonName",
    "mailbox",
    "match_addresses",
    "match_dates",
    "match_emails",
    "match_names",
    "match_parts",
    "match_phones",
    "match_streets",
    "read_dates",
]
