"""A timeline has a sentence for each decision, with its content in the reader's language."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.console.domain import HistoryEntry
from services.console.pages.fact_details import DETAILS
from services.console.pages.site import CATALOGUES
from services.console.pages.timeline import LETTER_SENTENCES, SENTENCES, timeline
from shared.contract import events
from shared.contract.catalogue import catalogue
from shared.contract.events import Decision, Fact, breaches
from shared.law import Money
from shared.vocabulary import ReferralReason

CASE, HOLD = "ab" * 16, "ef" * 16
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = date(2026, 4, 2)
LAW = "gdpr@2018-05-25"
SEALED = "written_1"
"""A name in the vault: no timeline shows it."""
SILENT = {
    events.StaffSignedIn: "is of a session, not of a case",
    events.MessageRepaired: "is of a parked message, which has no timeline",
    events.BurstDeclared: "is of no request: those in its time name the incident",
    events.EvidenceAsked: "EvidenceShown has the line, with the account",
}
"""Decision → why no timeline has a sentence for it."""
RECEIVED = {
    "right": "access",
    "regulation": "gdpr",
    "policy": LAW,
    "source": "shop.example",
    "received_at": AT,
    "received_on": AT.date(),
    "due_on": DAY,
    "internal_due_on": DAY,
}
PROOF = {"kind": "document", "ref": SEALED}
ERRORS = ({"path": "right", "message": "is no right"}, {"path": "", "message": "has no date"})
FEE = {"fee": Money(amount=Decimal("12.50"), currency="EUR"), "reason": "effort"}
RECIPIENT = {"recipient": "Newsletter", "notice": "n1", "about": "habeas.subject.erased.v1"}
PURGE = {"collection": "shop.orders", "day": DAY, "version": "ab" * 32, "records": 1200}
AUTHORITY = "Supervisory authority, Germany, General Data Protection Regulation, (EU) 2016/679"
AUFSICHT = "Aufsichtsbehörde, Deutschland, Datenschutz-Grundverordnung, (EU) 2016/679"
EXAMPLES: list[tuple[type[Fact], dict[str, Any], str, str]] = [
    (
        events.RequestReceived,
        RECEIVED,
        "Request received: Access · last day 2 April 2026",
        "Antrag eingegangen: Auskunft · letzter Tag 2. April 2026",
    ),
    (
        events.RequestTaken,
        {"manner": "post", "received_at": AT, "content": SEALED},
        "Request recorded by staff: By post · made 2 March 2026, 09:00 UTC",
        "Antrag vom Datenschutzteam aufgenommen: Per Post · gestellt am 2. März 2026, 09:00 UTC",
    ),
    (
        events.RequestRejected,
        {"publisher_source": None, "publisher_id": None, "errors": ERRORS},
        "Submission set aside: right: is no right; has no date",
        "Einreichung beiseitegelegt: right: is no right; has no date",
    ),
    (
        events.SubmissionHandled,
        {"outcome": "not_a_request"},
        "Submission handled: Not a request",
        "Einreichung bearbeitet: Kein Antrag",
    ),
    (
        events.IdentityChallenged,
        {"expires_at": AT, "refused_for": "document_unreadable"},
        "Proof of identity requested: The document cannot be read",
        "Identitätsnachweis verlangt: Das Dokument ist nicht lesbar",
    ),
    (
        events.ProofRefused,
        {"reason": "code_expired", "tries_left": 2},
        "Proof refused: The code has expired",
        "Nachweis abgelehnt: Der Code ist abgelaufen",
    ),
    (
        events.ProofExamined,
        {"proof": PROOF, "verdict": "unclear", "reasons": ("image_blurred",)},
        "Proof examined: The picture is blurred",
        "Nachweis untersucht: Das Bild ist unscharf",
    ),
    (
        events.IdentityReviewNeeded,
        {"reasons": ("records_differ", "name_mismatch")},
        "Proof needs a review by staff: The records differ · The name differs",
        "Nachweis muss vom Team geprüft werden: Die Datensätze weichen ab · Der Name weicht ab",
    ),
    (
        events.IdentityDecided,
        {"verified": True, "reason": "called_back", "identities": ("email", "phone_number")},
        (
            "Decision about the identity: accepted · Called back on a known number · "
            "identities: Mail address and Telephone"
        ),
        (
            "Entscheidung über die Identität: angenommen · Unter bekannter Nummer zurückgerufen · "
            "Identitäten: E-Mail-Adresse und Telefon"
        ),
    ),
    (
        events.IdentityDecided,
        {"verified": False, "reason": "permission_not_shown"},
        "Decision about the identity: rejected · Permission not shown",
        "Entscheidung über die Identität: zurückgewiesen · Erlaubnis nicht gezeigt",
    ),
    (
        events.IdentityRefused,
        {"reasons": ("not_proven_in_time",)},
        "Identity not established: Not proven in time",
        "Identität nicht festgestellt: Nicht rechtzeitig nachgewiesen",
    ),
    (
        events.ProofAskedAgain,
        {"reason": "document_unreadable"},
        "Another proof requested by staff: The document cannot be read",
        "Weiterer Nachweis durch das Datenschutzteam angefordert: Das Dokument ist nicht lesbar",
    ),
    (
        events.EvidenceShown,
        {"by": "dana", "reason": "review", "refs": ()},
        "Proofs opened: Review of the request",
        "Nachweise geöffnet: Prüfung des Antrags",
    ),
    (
        events.ContentOpened,
        {"item": "everything", "reason": "complaint"},
        "Content opened: A complaint",
        "Inhalt geöffnet: Eine Beschwerde",
    ),
    (
        events.PermissionGranted,
        {"account": "omar", "until": AT, "reason": "forwarding"},
        "Permission to read granted: omar · To name the customer · until 2 March 2026, 09:00 UTC",
        "Erlaubnis zum Lesen erteilt: omar · Den Kunden benennen · bis 2. März 2026, 09:00 UTC",
    ),
    (
        events.PermissionRevoked,
        {"account": "omar"},
        "Permission to read revoked: omar",
        "Erlaubnis zum Lesen widerrufen: omar",
    ),
    (
        events.ReopeningDecided,
        {"reason": "new_facts"},
        "Decision to take the request up again: New facts are known",
        "Entscheidung, die Anfrage wieder aufzunehmen: Neue Tatsachen sind bekannt",
    ),
    (
        events.DueMoved,
        {"days": 3, "due_on": DAY, "meant_for": DAY, "policy": LAW},
        "Last day moved: 2 April 2026",
        "Letzter Tag verschoben: 2. April 2026",
    ),
    (
        events.ExtensionDecided,
        {"reason": "complexity"},
        "Decision to extend: The request is complex",
        "Entscheidung über die Verlängerung: Der Antrag ist komplex",
    ),
    (
        events.RequestExtended,
        {"reason": "complexity", "promised_on": DAY, "due_on": DAY, "meant_for": DAY, "policy": LAW},
        "Time for the answer extended: The request is complex · last day 2 April 2026",
        "Frist für die Antwort verlängert: Der Antrag ist komplex · letzter Tag 2. April 2026",
    ),
    (
        events.AnswerExpected,
        {"on": DAY},
        "New day for the answer stated: 2 April 2026",
        "Neuer Tag für die Antwort genannt: 2. April 2026",
    ),
    (
        events.DeadlineApproaching,
        {"due_on": DAY},
        "Target day passed: last day 2 April 2026",
        "Zieltag verstrichen: letzter Tag 2. April 2026",
    ),
    (
        events.DeadlineMissed,
        {"due_on": DAY},
        "Last day missed: 2 April 2026",
        "Letzter Tag versäumt: 2. April 2026",
    ),
    (
        events.NarrowingDecided,
        {},
        "Decision about the scope: the person is asked · Large quantity of data",
        "Entscheidung über den Umfang: die Person wird gefragt · Große Datenmenge",
    ),
    (
        events.NarrowingDecided,
        {"answered": True, "scope": SEALED},
        "Decision about the scope: answer of the person recorded · limited to the named data",
        "Entscheidung über den Umfang: Antwort der Person festgehalten · auf die genannten Daten begrenzt",
    ),
    (
        events.ScopeAsked,
        {"asked_at": AT, "until": AT, "answer_by": DAY, "due_on": DAY},
        "Question which data is meant: answer until 2 April 2026",
        "Frage, welche Daten gemeint sind: Antwort bis 2. April 2026",
    ),
    (
        events.ScopeAnswered,
        {"silent": True},
        "Question about the scope answered: no answer in time · everything is meant",
        "Frage zum Umfang beantwortet: keine Antwort in der Frist · alles ist gemeint",
    ),
    (
        events.FeeDecided,
        FEE,
        "Decision about a fee: €12.50 · Unusual effort",
        "Entscheidung über eine Gebühr: 12,50\xa0€ · Ungewöhnlicher Aufwand",
    ),
    (
        events.FeeQuoted,
        {**FEE, "answer_by": DAY},
        "Fee quoted: €12.50 · Unusual effort · answer until 2 April 2026",
        "Gebühr genannt: 12,50\xa0€ · Ungewöhnlicher Aufwand · Antwort bis 2. April 2026",
    ),
    (
        events.RequestReferred,
        {"right": "erasure", "reason": ReferralReason.GROUND_CLAIMED},
        "Referred to staff: The person claims a ground of erasure",
        "An das Team verwiesen: Die Person beruft sich auf einen Löschgrund",
    ),
    (
        events.ReferralDecided,
        {"outcome": "refused", "grounds": ("excessive", "security")},
        "Answer by staff: Refused · Excessive · Security",
        "Antwort durch das Team: Abgelehnt · Exzessiv · Sicherheit",
    ),
    (
        events.ErasurePlanned,
        {"plan": SEALED, "regulation": "gdpr", "received_on": DAY, "approval": True, "approvers": 2},
        "Erasure planned: approvals needed: 2",
        "Löschung vorbereitet: nötige Freigaben: 2",
    ),
    (
        events.ErasureGroundDecided,
        {"ground": "erasure_duty"},
        "Decision about the claimed ground: A law obliges the company to erase it",
        "Entscheidung über den geltend gemachten Grund: Ein Gesetz verpflichtet das Unternehmen zur Löschung",
    ),
    (
        events.ErasureGroundDecided,
        {},
        "Decision about the claimed ground: Neither applies",
        "Entscheidung über den geltend gemachten Grund: Nichts davon trifft zu",
    ),
    (
        events.ErasureProposalDecided,
        {"accepted": True, "manner": "telephone"},
        "Answer to the proposed erasure recorded: the person wants the data erased · By telephone",
        "Antwort auf die vorgeschlagene Löschung festgehalten: die Person will die Löschung · Per Telefon",
    ),
    (
        events.ErasureProposalDecided,
        {"accepted": False, "manner": "post"},
        "Answer to the proposed erasure recorded: the person wants the data kept · By post",
        "Antwort auf die vorgeschlagene Löschung festgehalten: die Person will keine Löschung · Per Post",
    ),
    (
        events.ErasureScheduled,
        {"at": AT},
        "Erasure scheduled: begins 2 March 2026, 09:00 UTC",
        "Löschung geplant: beginnt am 2. März 2026, 09:00 UTC",
    ),
    (
        events.DisclosureScheduled,
        {"at": AT},
        "Disclosure scheduled: begins 2 March 2026, 09:00 UTC",
        "Weitergabe geplant: beginnt am 2. März 2026, 09:00 UTC",
    ),
    (
        events.ChangePlanned,
        {"right": "rectification", "plan": SEALED, "regulation": "gdpr", "received_on": DAY},
        "Change of the records planned: Correction",
        "Änderung der Datensätze vorbereitet: Berichtigung",
    ),
    (
        events.AliasConfirmed,
        {"aliases": SEALED, "number": 2},
        "Further identity confirmed: number 2",
        "Weitere Identität bestätigt: Nummer 2",
    ),
    (
        events.AliasProven,
        {"aliases": SEALED, "number": 2},
        "Further identity proven by a code: number 2",
        "Weitere Identität mit einem Code nachgewiesen: Nummer 2",
    ),
    (
        events.ValuesReleased,
        {"reason": "seen_in_person"},
        "Masked values released: Seen in person",
        "Maskierte Werte freigegeben: Persönlich gesehen",
    ),
    (
        events.PackageReviewNeeded,
        {"right": "access", "listing": SEALED, "records": 1200},
        "Package waits for a review: records: 1,200",
        "Paket wartet auf eine Prüfung: Datensätze: 1.200",
    ),
    (
        events.PackageReviewed,
        {"listing": SEALED, "redactions": SEALED},
        "Package reviewed: with redactions",
        "Paket geprüft: mit Schwärzungen",
    ),
    (
        events.PackageReviewed,
        {"listing": SEALED},
        "Package reviewed: as listed",
        "Paket geprüft: wie aufgeführt",
    ),
    (
        events.RequestFulfilled,
        {"right": "access", "outcome": "partly_granted", "answer": SEALED},
        "Request answered: Partly granted",
        "Antrag beantwortet: Teilweise stattgegeben",
    ),
    (
        events.RequestClosed,
        {"outcome": "granted"},
        "Request closed: Granted",
        "Antrag geschlossen: Stattgegeben",
    ),
    (events.RequestClosed, {}, "Request closed", "Antrag geschlossen"),
    (
        events.AnswerDelivered,
        {"way": "in_person"},
        "Answer delivered by other means: In person",
        "Antwort auf anderem Weg zugestellt: Persönlich",
    ),
    (
        events.RequestStopped,
        {"reason": "not_me"},
        "Request stopped: The reader of a letter did not ask",
        "Antrag angehalten: Wer den Brief las, hat nicht angefragt",
    ),
    (
        events.StopDecided,
        {"resume": True},
        "Decision about the stop: the request goes on",
        "Entscheidung über das Anhalten: der Antrag geht weiter",
    ),
    (
        events.StopDecided,
        {"resume": False},
        "Decision about the stop: the request ends",
        "Entscheidung über das Anhalten: der Antrag endet",
    ),
    (events.RequestWithdrawn, {}, "Request withdrawn", "Antrag zurückgenommen"),
    (
        events.RequestWithdrawn,
        {"deemed": True},
        "Request withdrawn: no agreement to the fee in time",
        "Antrag zurückgenommen: der Gebühr nicht rechtzeitig zugestimmt",
    ),
    (
        events.RequestWithdrawn,
        {"stopped": True},
        "Request withdrawn: ended by staff after a stop",
        "Antrag zurückgenommen: vom Datenschutzteam nach dem Anhalten beendet",
    ),
    (
        events.AppealReceived,
        {"remedy": "appeal", "statement": SEALED, "received_on": DAY, "due_on": DAY, "policy": LAW},
        "Appeal or complaint received: Appeal · last day 2 April 2026",
        "Einspruch oder Beschwerde eingegangen: Einspruch · letzter Tag 2. April 2026",
    ),
    (
        events.AppealDecided,
        {"granted": False, "reasons": ("legal_claims",)},
        "Decision about the appeal: refused · Legal claims",
        "Entscheidung über den Einspruch: abgelehnt · Rechtsansprüche",
    ),
    (
        events.AppealAnswered,
        {"remedy": "complaint", "received_on": DAY, "granted": True},
        "Appeal answered: Complaint · granted",
        "Einspruch beantwortet: Beschwerde · stattgegeben",
    ),
    (
        events.SubjectOptedOut,
        {"right": "opt_out_of_sale", "identifiers": {}, "ask_again_from": DAY},
        "Recipients learn of the opt-out: Opt-out of sale · may be asked again from 2 April 2026",
        (
            "Empfänger erfahren vom Opt-out: Widerspruch gegen Verkauf · "
            "darf ab 2. April 2026 wieder gefragt werden"
        ),
    ),
    (
        events.RestrictionLifting,
        {"reason": "no_longer_needed"},
        "Decision to lift the restriction: No longer needed",
        "Entscheidung, die Einschränkung aufzuheben: Nicht mehr benötigt",
    ),
    (
        events.RestrictionAnnounced,
        {"reason": "no_longer_needed"},
        "End of the restriction announced: No longer needed",
        "Ende der Einschränkung angekündigt: Nicht mehr benötigt",
    ),
    (
        events.RecipientFailed,
        {**RECIPIENT, "reason": "unreachable"},
        "Recipient not notified: Newsletter · Not reachable",
        "Empfänger nicht benachrichtigt: Newsletter · Nicht erreichbar",
    ),
    (
        events.RecipientAcknowledged,
        RECIPIENT,
        "Recipient notified: Newsletter",
        "Empfänger benachrichtigt: Newsletter",
    ),
    (
        events.RecipientInformed,
        {"recipient": "Newsletter"},
        "Recipient notified by other means: Newsletter",
        "Empfänger auf anderem Weg benachrichtigt: Newsletter",
    ),
    (
        events.RecipientRetried,
        {"recipient": "Newsletter"},
        "Recipient is notified again: Newsletter",
        "Empfänger wird erneut benachrichtigt: Newsletter",
    ),
    (
        events.HoldPlaced,
        {"hold": HOLD, "scope": "person", "matter": "claim_7", "until": DAY},
        "Legal hold placed: All records of the person · claim 7 · until 2 April 2026",
        "Sperre gesetzt: Alle Datensätze der Person · claim 7 · bis 2. April 2026",
    ),
    (
        events.HoldPlaced,
        {"hold": CASE, "scope": "collection", "matter": "claim_7", "collection": "shop.orders"},
        "Legal hold placed: shop.orders · claim 7",
        "Sperre gesetzt: shop.orders · claim 7",
    ),
    (
        events.HoldLifted,
        {"hold": HOLD, "reason": "claim_ended"},
        "Legal hold lifted: The claim has ended",
        "Sperre aufgehoben: Der Anspruch ist erledigt",
    ),
    (
        events.HoldEnded,
        {"hold": HOLD, "erasures": (CASE,)},
        "Legal hold ended: erasures taken up again: 1",
        "Sperre beendet: wieder aufgenommene Löschungen: 1",
    ),
    (
        events.PurgeProposed,
        PURGE,
        "Purge proposed: shop.orders · records: 1,200",
        "Bereinigung vorgeschlagen: shop.orders · Datensätze: 1.200",
    ),
    (
        events.PurgeApproved,
        PURGE | {"reason": "samples_checked"},
        "Purge approved: shop.orders · records: 1,200 · Samples of the records were checked",
        (
            "Bereinigung freigegeben: shop.orders · Datensätze: 1.200 · "
            "Stichproben der Datensätze wurden geprüft"
        ),
    ),
    (
        events.ForwardingDecided,
        {"controller": SEALED, "reason": "named_in_request"},
        "Customer named: The request names the customer",
        "Kunde benannt: Der Antrag nennt den Kunden",
    ),
    (
        events.MessageLodged,
        {"message": SEALED, "reason": "unclear", "own": True},
        "Mail for staff: Unclear",
        "Mail für das Team: Unklar",
    ),
    (
        events.MessageHandled,
        {"message": SEALED, "outcome": "answered"},
        "Mail handled: Answered",
        "Mail bearbeitet: Beantwortet",
    ),
    (
        events.CaseAssigned,
        {"owner": "omar", "by": "dana"},
        "Owner changed: omar",
        "Zuständigkeit geändert: omar",
    ),
    (
        events.CaseAssigned,
        {"by": "dana"},
        "Owner changed: no owner",
        "Zuständigkeit geändert: niemand zuständig",
    ),
    (
        events.NoticeFailed,
        {"letter": "outcome", "reason": "bounced"},
        "Letter not sent: Answer: The letter came back",
        "Brief nicht gesendet: Antwort: Der Brief kam zurück",
    ),
    (
        events.NoticeReported,
        {"letter": "outcome", "action": "delayed", "status": "4.2.0"},
        "Report on a letter: Answer: delayed",
        "Meldung zu einem Brief: Antwort: verzögert",
    ),
    (
        breaches.BreachRegistered,
        {"phase": 2, "declaration": SEALED, "role": "controller", "aware_at": AT, "drill": True},
        "Breach registered: phase 2 · Drill",
        "Datenpanne erfasst: Phase 2 · Übung",
    ),
    (
        breaches.BreachScoped,
        {"phase": 2, "groups": (), "chunks": 0},
        "Affected people found: phase 2",
        "Betroffene gefunden: Phase 2",
    ),
    (breaches.BreachApproved, {"phase": 2}, "Notices approved: phase 2", "Mitteilungen freigegeben: Phase 2"),
    (breaches.BreachWithdrawn, {"phase": 2}, "Phase withdrawn: phase 2", "Phase zurückgezogen: Phase 2"),
    (
        breaches.BreachHeld,
        {"agency": "police", "until": AT},
        "Notices held: police · until 2 March 2026, 09:00 UTC",
        "Mitteilungen zurückgehalten: police · bis 2. März 2026, 09:00 UTC",
    ),
    (
        breaches.BreachReported,
        {"clock": "gdpr.authority.DE", "at": AT, "receipt": "A-7"},
        f"Authority notified: {AUTHORITY} · A-7",
        f"Behörde benachrichtigt: {AUFSICHT} · A-7",
    ),
    (
        breaches.NoticesReleased,
        {"phase": 2, "declaration": SEALED, "chunks": 0},
        "Notices released: phase 2",
        "Mitteilungen ausgelöst: Phase 2",
    ),
    (
        breaches.BreachNotified,
        {"phase": 2, "sent": 1, "doubtful": 0, "failed": 0},
        "Notices sent: phase 2",
        "Mitteilungen gesendet: Phase 2",
    ),
    (
        breaches.BreachRecounted,
        {"phase": 2, "sent": 1, "doubtful": 0, "failed": 0},
        "Letters came back: phase 2",
        "Briefe kamen zurück: Phase 2",
    ),
    (
        breaches.BreachAlarmed,
        {"clock": "gdpr.authority.DE", "due_at": AT, "missed": True},
        f"Clock of the breach nearly over: {AUTHORITY} · Overdue",
        f"Frist der Datenpanne fast abgelaufen: {AUFSICHT} · Überfällig",
    ),
]
"""Fact, its fields, and its line in English and German."""


def line(kind: type[Fact], fields: dict[str, Any], language: str) -> str:
    account = {"by": "dana"} if issubclass(kind, Decision) else {}
    fact = kind.model_validate({"request_id": CASE, **account, **fields})
    (shown,) = timeline([HistoryEntry("1" * 32, AT, fact)], CATALOGUES.words(language))
    return shown.text


def test_each_decision_has_a_sentence_or_a_reason_for_none() -> None:
    decisions = {kind for kind in catalogue() if issubclass(kind, Decision)}
    assert decisions - SENTENCES.keys() == SILENT.keys()


def test_each_fact_with_details_has_a_sentence_and_an_example() -> None:
    assert DETAILS.keys() <= SENTENCES.keys() | LETTER_SENTENCES.keys()
    assert DETAILS.keys() == {kind for kind, *_others in EXAMPLES}


@pytest.mark.parametrize(("kind", "fields", "english", "german"), EXAMPLES)
def test_line_of_a_fact_shows_its_content_in_both_languages(
    kind: type[Fact], fields: dict[str, Any], english: str, german: str
) -> None:
    assert line(kind, fields, "en") == english
    assert line(kind, fields, "de") == german


def test_fact_without_details_is_its_sentence_alone() -> None:
    assert line(events.ErasureApproved, {"remark": SEALED}, "en") == "Erasure approved"
