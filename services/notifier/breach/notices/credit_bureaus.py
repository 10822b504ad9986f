"""Addresses of credit bureaus and authorities that a notice to people in the United States names."""

from services.notifier.breach.notices.facts import Mailing

BUREAUS = (
    Mailing("Equifax", "P.O. Box 105788, Atlanta, GA 30348", "1-888-298-0045", "www.equifax.com"),
    Mailing("Experian", "P.O. Box 9554, Allen, TX 75013", "1-888-397-3742", "www.experian.com"),
    Mailing("TransUnion", "P.O. Box 160, Woodlyn, PA 19094", "1-888-909-8872", "www.transunion.com"),
)
"""
The consumer reporting agencies that cover the whole country.

Law:
    Cal. Civ. Code § 1798.82(d)(2)(F): their toll-free telephone numbers and addresses. These are the
    ones for security freezes; secondary source, to be checked before a notice goes out.
"""
TRADE_COMMISSION = Mailing(
    "Federal Trade Commission",
    "600 Pennsylvania Avenue NW, Washington, DC 20580",
    "1-877-438-4338",
    "www.identitytheft.gov",
)
