"""Addresses of a running installation, and the settings that it needs."""

import json
from dataclasses import dataclass, field

from bench.public import agency, instructions
from bench.public.letters import LetterSource
from shared.contract.sources import ALL

SHOP, PORTAL = "shop.example", "portal.example"
"""Upstream systems: requests from the shop are proven by the person, the portal has logged them in."""
KEYS = {SHOP: "the key of the shop is long", PORTAL: "the key of the portal is long"}
SHOPIFY_SECRET = "the secret of the app is long"  # noqa: S105  of a fictional app
INBOX = "privacy@fernlicht.example"
"""The address that people write to, where the installation has an inbox."""
MANY = "1000000"


@dataclass(frozen=True, slots=True)
class PublicAccess:
    """The public addresses, and those of the company's own records."""

    api_url: str
    amqp_url: str = field(repr=False)
    """Of a broker user that may publish as SHOP and PORTAL and read events; nodes separated by commas."""
    stores_url: str = field(repr=False)
    letters: LetterSource
    prefix: str = ""
    """First part of the names of the company's databases."""
    inbox: tuple[str, int] | None = None
    """Host and port where mail to INBOX is handed over (SMTP); None where no mail comes in."""


def settings(*users: str) -> dict[str, str]:
    """Return the settings of an installation; the broker *users* publish for the upstream systems."""
    key, certificate = instructions.certificates()
    return {
        "HABEAS_DRP_BUSINESS": agency.BUSINESS,
        "HABEAS_DRP_AGENTS": json.dumps([dict(agency.LISTED)]),
        "HABEAS_OPENDSR_CONTROLLERS": json.dumps([instructions.LISTED]),
        "HABEAS_OPENDSR_URL": instructions.URL,
        "HABEAS_OPENDSR_KEY": key,
        "HABEAS_OPENDSR_CERTIFICATE": certificate,
        "HABEAS_SHOPIFY_SECRETS": json.dumps([SHOPIFY_SECRET]),
        "HABEAS_API_KEYS": json.dumps(KEYS),
        "HABEAS_SOURCES": json.dumps({user: [ALL, PORTAL] for user in users}),
        "HABEAS_TRUSTED_SOURCES": json.dumps([PORTAL]),
        "HABEAS_CONFIRMING_SOURCES": json.dumps([PORTAL]),
        "HABEAS_ERASURE_WINDOW": "PT0S",
        "HABEAS_FIDES_SERVED": "true",
        "HABEAS_PUBLIC_REQUESTS_PER_HOUR": MANY,
        "HABEAS_CODES_OFFERED_PER_HOUR": MANY,
        "HABEAS_CODES_PER_HOUR": "1000",
        "HABEAS_WRONG_CODES_ALARM": MANY,
        "HABEAS_LETTERS_PER_DAY": MANY,
    }
