"""The web form of the privacy centre, mail to the inbox, sheets, webhooks, and the API of Fides."""

import asyncio
import base64
import csv
import hmac
import io
import re
import smtplib
from collections.abc import Mapping
from email.message import EmailMessage

import httpx
import orjson

from bench.public.access import INBOX, SHOPIFY_SECRET
from bench.public.requests import MAILS, POLICIES, TOPICS, RequestPlan
from shared.vocabulary import Right

SEAL = re.compile(r'name="seal" value="([^"]+)"')
TYPING_S = 1.2
"""The form is refused to clients that are faster than a person."""
MAIL_WITHIN_S = 20.0
PATHS = {Right.OPT_OUT_OF_SALE: "/opt-out", Right.LIMIT_SENSITIVE_USE: "/limit"}
FIDES_PATH = "/fides/api/v1/privacy-request"
WEBHOOK_PATH = "/webhooks/shopify"
LINKS_PATH = "/v1/unsubscribe-links"
CLICK = {"List-Unsubscribe": "One-Click"}
OWN_WORDS = "I do not want this to be done with my data any more."


def form_path(plan: RequestPlan) -> str:
    """Return the path of the form that *plan* takes."""
    if plan.is_marketing:
        return "/no-marketing"
    return PATHS.get(plan.right, f"/ask/{plan.right}")


def filled(plan: RequestPlan, page: str) -> Mapping[str, str]:
    """Return the fields of the form on *page* as the person of *plan* fills them in."""
    seal, person = SEAL.search(page), plan.person
    state = f"{person.country}-{person.subdivision}" if person.subdivision else ""
    fields = {"email": person.email, "name": person.name, "country": person.country, "state": state}
    corrections = {f"fix_{one['field']}": one["value"] for one in plan.details.get("corrections", ())}
    words = {"statement": OWN_WORDS} if plan.right is Right.OBJECTION else {}
    return {"seal": seal[1] if seal else "", "step": "send", "for": "self", **fields, **corrections, **words}


def fides_item(plan: RequestPlan) -> Mapping[str, object]:
    """Return what a Privacy Center of Fides sends for *plan*."""
    person = plan.person
    where = f"{person.country}-{person.subdivision}" if person.subdivision else person.country
    policy = POLICIES[plan.right]
    return {"identity": {"email": person.email}, "policy_key": policy, "location": where.lower()}


def fides_request_of(answer: httpx.Response) -> str | None:
    """Return the id of the request that a call of Fides has made."""
    made = answer.json()["succeeded"] if answer.is_success else ()
    return str(made[0]["id"]).partition("_")[2].replace("-", "") if made else None


def sheet_of(plan: RequestPlan) -> bytes:
    """Return a sheet whose only row is the request of *plan*."""
    person, details = plan.person, plan.details
    row = {
        "reference": plan.reference,
        "right": plan.right.value,
        "name": person.name,
        "email": person.email,
        "country": person.country,
        "subdivision": person.subdivision or "",
        "locale": "en",
        "scope": "|".join(details.get("scope", ())),
        **{f"correct:{one['field']}": one["value"] for one in details.get("corrections", ())},
    }
    text = io.StringIO()
    sheet = csv.DictWriter(text, row)
    sheet.writeheader()
    sheet.writerow(row)
    return text.getvalue().encode()


def webhook_of(plan: RequestPlan) -> tuple[Mapping[str, str], bytes]:
    """Return the headers and the body of Shopify's webhook for *plan*."""
    of_topic = {"data_request": {"id": plan.place + 1}} if plan.right is Right.ACCESS else {}
    shop = {"shop_id": 1, "shop_domain": "fernlicht.myshopify.example"}
    body = orjson.dumps({**shop, "customer": {"email": plan.person.email}, **of_topic})
    signature = base64.b64encode(hmac.digest(SHOPIFY_SECRET.encode(), body, "sha256")).decode()
    headers = {
        "X-Shopify-Topic": TOPICS[plan.right],
        "X-Shopify-Hmac-Sha256": signature,
        "X-Shopify-Webhook-Id": plan.reference,
        "Content-Type": "application/json",
    }
    return headers, body


def request_of(answer: httpx.Response) -> str | None:
    """Return the id of the request that *answer* leads to."""
    found = re.search(r"/requests/([0-9a-f]{32})", answer.headers.get("Location", ""))
    return found[1] if found else None


async def mailed(inbox: tuple[str, int], plan: RequestPlan) -> bool:
    """Hand the mail of *plan* over, always the same; return whether it was taken."""
    message = EmailMessage()
    message["From"] = f"{plan.person.name} <{plan.person.email}>"
    message["To"], message["Subject"] = INBOX, "Hello"
    message["Date"] = "Tue, 01 Dec 2026 08:00:00 +0000"
    message["Message-ID"] = f"<{plan.reference}@elsewhere.example>"
    message.set_content(MAILS[plan.right])
    return await asyncio.to_thread(_handed_over, inbox, plan.person.email, message)


def _handed_over(inbox: tuple[str, int], sender: str, message: EmailMessage) -> bool:
    try:
        with smtplib.SMTP(*inbox, timeout=MAIL_WITHIN_S) as server:
            server.send_message(message, sender, [INBOX])
    except (OSError, smtplib.SMTPException):
        return False
    return True
