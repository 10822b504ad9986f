"""What collections, fields and categories are called on pages: words, wherever there are any."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from babel.units import format_unit

from services.fulfillment.datamap.categories import NEVER_DISCLOSED, covered
from services.fulfillment.datamap.model import Collection, Field, Period
from services.fulfillment.package.wording import Words
from services.fulfillment.package.wording import mark as _

LONGEST_TITLE = 70
"""Characters of a description that can be a heading; a longer one stands below it."""

CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "system": _("Technical data"),
        "system.authentication": _("Log-in records"),
        "system.operations": _("Technical data"),
        "user": _("Personal data"),
        "user.account": _("Account details"),
        "user.account.settings": _("Account settings"),
        "user.account.username": _("User name"),
        "user.authorization": _("Access secrets"),
        "user.authorization.biometric": _("Biometric access data"),
        "user.authorization.credentials": _("Access keys"),
        "user.authorization.password": _("Password"),
        "user.behavior": _("Behaviour"),
        "user.behavior.browsing_history": _("Browsing history"),
        "user.behavior.media_consumption": _("Media consumption"),
        "user.behavior.purchase_history": _("Purchases"),
        "user.behavior.search_history": _("Searches"),
        "user.biometric": _("Biometric data"),
        "user.biometric.fingerprint": _("Fingerprint"),
        "user.biometric.health": _("Biometric health data"),
        "user.biometric.retinal": _("Retina scan"),
        "user.biometric.voice": _("Voice print"),
        "user.childrens": _("Data about children"),
        "user.contact": _("Contact details"),
        "user.contact.address": _("Postal address"),
        "user.contact.email": _("E-mail address"),
        "user.contact.fax_number": _("Fax number"),
        "user.contact.organization": _("Organisation"),
        "user.contact.phone_number": _("Phone number"),
        "user.contact.url": _("Web address"),
        "user.content": _("Content"),
        "user.content.private": _("Private content"),
        "user.content.public": _("Public content"),
        "user.content.self_image": _("Picture of yourself"),
        "user.criminal_history": _("Criminal history"),
        "user.demographic": _("Demographic data"),
        "user.demographic.age_range": _("Age range"),
        "user.demographic.date_of_birth": _("Date of birth"),
        "user.demographic.gender": _("Gender"),
        "user.demographic.language": _("Language"),
        "user.demographic.marital_status": _("Marital status"),
        "user.demographic.political_opinion": _("Political opinion"),
        "user.demographic.race_ethnicity": _("Ethnic origin"),
        "user.demographic.religious_belief": _("Religious belief"),
        "user.demographic.sexual_orientation": _("Sexual orientation"),
        "user.device": _("Device"),
        "user.device.cookie": _("Cookie"),
        "user.device.cookie_id": _("Cookie number"),
        "user.device.device_id": _("Device number"),
        "user.device.ip_address": _("IP address"),
        "user.financial": _("Financial data"),
        "user.financial.bank_account": _("Bank account number"),
        "user.financial.credit_card": _("Payment card details"),
        "user.government_id": _("Government number"),
        "user.government_id.birth_certificate": _("Birth certificate number"),
        "user.government_id.drivers_license_number": _("Driving licence number"),
        "user.government_id.immigration": _("Immigration number"),
        "user.government_id.national_identification_number": _("National identification number"),
        "user.government_id.passport_number": _("Passport number"),
        "user.government_id.vehicle_registration": _("Vehicle registration number"),
        "user.health_and_medical": _("Health data"),
        "user.health_and_medical.genetic": _("Genetic data"),
        "user.health_and_medical.insurance_beneficiary_id": _("Health insurance number"),
        "user.health_and_medical.record_id": _("Medical record number"),
        "user.job_title": _("Job title"),
        "user.location": _("Location"),
        "user.name": _("Name"),
        "user.payment": _("Payments"),
        "user.privacy_preferences": _("Privacy choices"),
        "user.sensor": _("Sensor data"),
        "user.social": _("Social contacts"),
        "user.telemetry": _("Usage measurements"),
        "user.unique_id": _("Identification number"),
        "user.workplace": _("Workplace"),
    }
)
"""A category without a name here is called like the nearest one above it."""


def category(key: str, words: Words) -> str:
    """Return what the category *key* is called; one that a map added, by its last name."""
    known = key
    while known not in CATEGORIES and "." in known:
        known = known.rpartition(".")[0]
    if known not in CATEGORIES or (known == "user" and key != "user"):
        return spelt(key.rpartition(".")[2])
    return words.say(CATEGORIES[known])


def withheld(field: Field, words: Words) -> str:
    """
    Return what is held in *field*, with particularity.

    Law:
        11 CCR § 7024(d): "fingerprint scan", say, not "biometric data".
    """
    named = [key for key in field.categories if covered(key, NEVER_DISCLOSED)] or field.categories
    return category(named[0], words) if named else spelt(field.path.rpartition(".")[2])


def storage(collection: Collection, words: Words) -> str:
    """
    Return how long records of *collection* are kept, or the rule by which that is decided.

    Law:
        GDPR Art. 15(1)(d), 5(1)(e).
    """
    retention = collection.retention
    if retention is None:
        return words.say("For as long as the reason named above needs it.")
    lasts = period(retention.keep, words)
    if retention.start == "now":
        said = words.say("%(period)s from the day of an erasure", period=lasts)
    else:
        start = spelt(retention.start.rpartition(".")[2])
        said = words.say("%(period)s, counted from “%(field)s”", period=lasts, field=start)
    return f"{said} ({retention.because})"


def period(length: Period, words: Words) -> str:
    """Return *length* in words: ``10 years``."""
    units = (("year", length.years), ("month", length.months), ("day", length.days))
    return ", ".join(
        format_unit(count, f"duration-{unit}", locale=words.locale) for unit, count in units if count
    )


def title(collection: Collection) -> str:
    """Return a heading for *collection*: what the controller says it is, if short, else its name."""
    said = (collection.description or "").strip().removesuffix(".")
    return said if said and len(said) <= LONGEST_TITLE and "\n" not in said else spelt(collection.name)


def spelt(name: str) -> str:
    """Return a technical *name* as words: ``billedTo``, ``billed_to`` give ``Billed to``."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").split()
    plain = " ".join(part if part.isupper() else part.lower() for part in parts)
    return plain[:1].upper() + plain[1:] or name
