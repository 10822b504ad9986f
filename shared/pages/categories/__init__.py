"""
Names of categories of data in people's languages.

The keys are those of Fides' taxonomy; a map may add its own. One table for packages, which list data held,
and for notices, which list data breached.
"""

from collections.abc import Mapping
from pathlib import Path

from shared.pages.translation import Catalogues
from shared.pages.translation import mark as _

CATALOGUES = Catalogues(Path(__file__).parent / "locale")
EVERYTHING = "user"
"""Covers every other category: its name says nothing."""
NAMES: Mapping[str, str] = {
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
    "user.contact.email": _("Email address"),
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
"""A category without a name here is called like the nearest one above it."""


def called(category: str, language: str) -> str | None:
    """Return the name of *category*; None for one that a map added at the top."""
    known = category
    while known not in NAMES and "." in known:
        known = known.rpartition(".")[0]
    if known not in NAMES or (known == EVERYTHING and category != EVERYTHING):
        return None
    return CATALOGUES.words(language).say(NAMES[known])
