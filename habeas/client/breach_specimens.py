"""
A fictional breach at a fictional company, for previews of notices.

Addresses are those that RFC 2606 keeps for examples.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from habeas.client.specimens import AUTHORITY, SENDER
from services.notifier.breach.notices.facts import Circumstances
from services.notifier.breach.notices.writer import Notices
from services.notifier.context import SenderSettings
from shared.contract.affected_people import NoticeBatch, NoticeRecipient
from shared.contract.breach_facts import IncidentFacts
from shared.contract.events.breaches import (
    Affected,
    AffectedController,
    BreachAccount,
    BreachDeclared,
    ProtectionOffer,
)

INCIDENT = "b7ea" * 8
WRITTEN_AT = datetime(2026, 3, 6, 9, 0, tzinfo=UTC)
HOUSE = SenderSettings(SENDER, AUTHORITY, "https://privacy.example.com")
EVERYTHING = (
    "user.name",
    "user.contact.email",
    "user.authorization.password",
    "user.government_id.national_identification_number",
    "user.government_id.drivers_license_number",
    "user.financial.bank_account",
    "user.biometric.fingerprint",
)
"""Categories that need every part of a notice."""

DECLARED = BreachDeclared(
    reference="portal-2026-03",
    nature="An attacker entered our customer portal with a stolen key.\n\nThey copied a list of customers.",
    consequences="Criminals may write to you and pretend to be us. They may try your password elsewhere.",
    measures="We closed the way in and made all keys void. We have informed the police.",
    advice="Do not follow links in mails that ask for your password.",
    language="en",
    translations={
        "de": BreachAccount(
            nature=(
                "Jemand ist mit einem gestohlenen Schlüssel in unser Kundenportal eingedrungen.\n\n"
                "Dabei wurde eine Kundenliste kopiert."
            ),
            consequences=(
                "Jemand könnte Ihnen schreiben und sich für uns ausgeben. "
                "Jemand könnte Ihr Passwort anderswo ausprobieren."
            ),
            measures=(
                "Wir haben den Zugang geschlossen und alle Schlüssel ungültig gemacht. Wir haben Anzeige "
                "erstattet."
            ),
            advice="Folgen Sie keinen Links in Mails, die nach Ihrem Passwort fragen.",
        ),
        "zh": BreachAccount(
            nature="有人使用被盗的密钥进入了我们的客户门户网站。\n\n对方复制了一份客户名单。",
            consequences="可能有人冒充我们给您写信，也可能有人在其他网站尝试您的密码。",  # noqa: RUF001 - Chinese
            measures="我们已关闭该入口，并使所有密钥失效。我们已报警。",  # noqa: RUF001 - Chinese
            advice="请不要点击索要密码的邮件中的链接。",
        ),
    },
    occurred_from=datetime(2026, 2, 27, 22, 0, tzinfo=UTC),
    occurred_to=datetime(2026, 3, 1, 4, 30, tzinfo=UTC),
    detected_at=datetime(2026, 3, 2, 7, 15, tzinfo=UTC),
    aware_at=datetime(2026, 3, 2, 11, 0, tzinfo=UTC),
    categories=EVERYTHING,
    records=1_840,
    contact="Hotline +49 30 5550100, every day from 8 to 20\nbreach@example.com",
    high_risk=True,
    rationale="Passwords and numbers of identity cards were copied.",
    protection=ProtectionOffer(
        provider="Example Watch Ltd",
        months=24,
        how="Sign up at https://watch.example.org with the code EXAMPLE.",
    ),
    late_because="The affected systems had to be restored first.",
    next_update_at=datetime(2026, 3, 9, 11, 0, tzinfo=UTC),
    affected=Affected(
        controllers=(
            AffectedController(
                id="c-17", name="Example Shop Ltd", email="security@example.org", services=("Object storage",)
            ),
        )
    ),
    by="officer",
)
PERSON = NoticeRecipient(
    key="0" * 32, email="amelia@example.net", name="Amelia Ferreira", place="DE", categories=EVERYTHING
)
CUSTOMER = NoticeRecipient(
    key="1" * 32, email="security@example.org", name="Example Shop Ltd", services=("Object storage",)
)


def notices(
    laws: Iterable[str], language: str, *, to_controllers: bool = False, further: bool = False
) -> Notices:
    """Return the drafts of specimens under the editions *laws*, in *language*."""
    who = CUSTOMER if to_controllers else PERSON
    batch = NoticeBatch(
        to="controllers" if to_controllers else "people", laws=tuple(laws), language=language, people=(who,)
    )
    circumstances = Circumstances(INCIDENT, further, False, WRITTEN_AT)
    return Notices.to_batch(DECLARED, circumstances, batch, HOUSE)


def known(**changes: object) -> IncidentFacts:
    """Return the facts of the specimen, with *changes*."""
    return replace(
        IncidentFacts(
            incident=INCIDENT,
            phase=1,
            declared=DECLARED,
            aware_at=DECLARED.aware_at,
            people={"DE": 1_204, "FR": 311, "US-CA": 96, "CH": 40, None: 12},
            categories=EVERYTHING,
            records=DECLARED.records,
            letters=None,
        ),
        **changes,  # type: ignore[arg-type]
    )
