"""
The certificate of an erasure: searched, erased and retained records, with the verification.

It is signed, so that anyone can check it, and free of personal data, so that it can outlive the case. It has
one written form only (that of :func:`issue`), so the signature leaves no second reading. Pure.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.domain import NOT_CHANGEABLE
from services.fulfillment.package import pages
from services.fulfillment.package.records import json_text
from services.fulfillment.package.withheld import OTHER, REASONS
from shared.pages.translation import Words
from shared.runtime.signatures import ALGORITHM, PublicKey, SignatureReport, unknown_key

FORMAT: Final = "habeas-erasure-certificate/1"
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""In place of all times of a template."""
RETRIED: Final = "daily"
"""When failed erasures are retried: :mod:`services.fulfillment.erasure.deferred` does it."""


@dataclass(frozen=True, slots=True)
class Retained:
    """Records that the erasure left, with the reason."""

    records: int
    reason: str
    """Reason code, as letters explain it."""
    citation: str = ""
    until: date | None = None
    """Last day; None while the end is not known (a legal hold)."""


@dataclass(frozen=True, slots=True)
class Handled:
    """The result of an erasure in one collection."""

    store: str
    dataset: str
    collection: str
    label: str
    found: int
    erased: int = 0
    masked: int = 0
    gone: int = 0
    """Found, and gone before they were to be erased."""
    retained: tuple[Retained, ...] = ()
    left: tuple[Retained, ...] = ()
    """Records that could not be erased."""
    incomplete: int = 0
    """Masked records with fields that the data map forbids to change."""
    ground: str = ""
    """The ground on which records were erased or masked, as a reason code; empty where no law needs one."""
    parted: int = 0
    """Of the erased ones, documents that stay for other people, without the person's elements."""

    @property
    def accounted(self) -> int:
        """Number of records with a certified result."""
        remaining = sum(item.records for item in (*self.retained, *self.left))
        return self.erased + self.masked + self.gone + remaining


@dataclass(frozen=True, slots=True)
class SecondLook:
    """The result of the verification after the erasure."""

    at: datetime
    collections: int
    """Number of searched collections."""
    remaining: int
    """Records still found that are not among those retained."""


@dataclass(frozen=True, slots=True)
class CertificateProof:
    """The request, and the proof that the requester is the data subject."""

    right: str
    regulation: str
    received_on: date
    assurance: str
    by: tuple[str, ...]
    """Names of the identities that were proven; never their values."""
    reasons: tuple[str, ...]
    """Reason codes."""
    approved_by: str | None = None
    """The second person, if one had to approve."""


@dataclass(frozen=True, slots=True)
class Searched:
    """A collection of the data map in the second search."""

    store: str
    dataset: str
    collection: str
    status: str
    """Searched, skipped, unreached or missing."""
    found: int
    """Records found again, retained ones included."""
    read_again: int
    """Records read again by primary key."""


@dataclass(frozen=True, slots=True)
class LookedThrough:
    """The result of the search for the person in the texts of a collection."""

    store: str
    dataset: str
    collection: str
    label: str
    documents: int
    places: int
    """Texts that still name the person, or a namesake. The list is sealed with the case."""
    records: int
    """Records that still name the person by an identity of theirs alone."""
    finished: bool = True
    """Whether the search was finished in time."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The content of a certificate."""

    number: str
    request_id: str
    map_version: str
    controller: str
    begun_at: datetime
    completed_at: datetime
    handled: tuple[Handled, ...]
    second_look: SecondLook
    recipients: tuple[str, ...] = ()
    """Organisations that must be notified to erase as well (GDPR Art. 19)."""
    not_notified: tuple[str, ...] = ()
    """Those of them without an automatic notification."""
    proof: CertificateProof | None = None
    searched: tuple[Searched, ...] = ()
    """Every collection of the data map."""
    looked_through: tuple[LookedThrough, ...] = ()
    program: str = ""
    """The issuing program, with its version."""

    @property
    def complete(self) -> bool:
        """Whether the verification found nothing that should be gone."""
        return self.second_look.remaining == 0


def issue(certificate: Certificate, signer: CertificateSigner) -> bytes:
    """
    Return *certificate* as a signed JSON file.

    Raises:
        ValueError: Its numbers do not add up: a record that was found was neither treated nor retained. Or
          it certifies an empty result without a search.
    """
    if not certificate.second_look.collections and not certificate.handled:
        raise ValueError("nothing was searched and nothing found: there is nothing to certify")
    for handled in certificate.handled:
        if handled.found != handled.accounted:
            place = f"{handled.store}.{handled.dataset}.{handled.collection}"
            raise ValueError(f"{place}: found {handled.found} records, accounts for {handled.accounted}")
    content = _content(certificate)
    signature = base64.b64encode(signer.sign(json_text(content))).decode()
    return json_text({"certificate": content, "seal": _seal(signer, signature)})


def _seal(signer: CertificateSigner, signature: str) -> dict[str, str]:
    return {"algorithm": ALGORITHM, "key": signer.public_key.pem.decode(), "signature": signature}


def template(certificate: Certificate, signer: CertificateSigner) -> bytes:
    """Return what *certificate* has in common with others by its data map: names, and no result."""
    searched = tuple(replace(one, status="searched", found=0, read_again=0) for one in certificate.searched)
    looked = tuple(
        replace(one, documents=0, places=0, records=0, finished=True) for one in certificate.looked_through
    )
    first = [Handled(one.store, one.dataset, one.collection, "", 1, 1) for one in searched[:1]]
    blank = replace(
        certificate,
        number="",
        request_id="",
        begun_at=LONG_AGO,
        completed_at=LONG_AGO,
        handled=tuple(first),
        second_look=SecondLook(LONG_AGO, len(searched), 0),
        recipients=(),
        not_notified=(),
        proof=CertificateProof("erasure", "gdpr", LONG_AGO.date(), "account", ("email",), ("vouched",)),
        searched=searched,
        looked_through=looked,
    )
    return _written_template(blank, signer)


@lru_cache(maxsize=64)
def _written_template(blank: Certificate, signer: CertificateSigner) -> bytes:
    return json_text({"certificate": _content(blank), "seal": _seal(signer, "")})


def verify_certificate(file: bytes, *, issuer: str | None = None) -> SignatureReport:
    """
    Return the problems of the certificate in *file*, a JSON file.

    *issuer* is the fingerprint of the issuer's key; without it no file is trusted.
    """
    try:
        content, embedded, signature = _opened(file)
    except (ValueError, KeyError, TypeError, RecursionError):
        return SignatureReport((f"not a certificate of the form {FORMAT}, or changed",))
    belongs = embedded.accepts(signature, json_text(content))
    problems = [] if belongs else ["the signature does not belong to the content"]
    if issuer is not None and issuer != embedded.fingerprint:
        problems.append(unknown_key(embedded))
    trusted = belongs and issuer == embedded.fingerprint
    return SignatureReport(tuple(problems), content, embedded.fingerprint, trusted)


def read(content: Mapping[str, Any]) -> Certificate:
    """Return the certificate of the signed *content* from :func:`verify_certificate`."""
    look = content["verification"]
    return Certificate(
        number=content["number"],
        request_id=content["request"],
        map_version=content["map_version"],
        controller=content["controller"],
        begun_at=datetime.fromisoformat(content["begun_at"]),
        completed_at=datetime.fromisoformat(content["completed_at"]),
        handled=tuple(map(_handled, content["collections"])),
        second_look=SecondLook(datetime.fromisoformat(look["at"]), look["collections"], look["remaining"]),
        recipients=tuple(content["recipients"]),
        # Certificates of earlier versions have no further fields.
        not_notified=tuple(content.get("recipients_untold", ())),
        proof=_proof(content.get("asked")),
        searched=tuple(Searched(**item) for item in look.get("searched", ())),
        looked_through=tuple(LookedThrough(**item) for item in look.get("texts", ())),
        program=content.get("issued_by", ""),
    )


def _handled(item: Mapping[str, Any]) -> Handled:
    left = (Retained(left["records"], left["reason"]) for left in item.get("left", ()))
    return Handled(**{**item, "retained": tuple(map(_retained, item["retained"])), "left": tuple(left)})


def _retained(kept: Mapping[str, Any]) -> Retained:
    until = None if kept["until"] is None else date.fromisoformat(kept["until"])
    return Retained(kept["records"], kept["reason"], kept["citation"] or "", until)


def _proof(asked: Mapping[str, Any] | None) -> CertificateProof | None:
    if asked is None:
        return None
    lists = {name: tuple(asked[name]) for name in ("by", "reasons")}
    return CertificateProof(**{**asked, **lists, "received_on": date.fromisoformat(asked["received_on"])})


def _opened(file: bytes) -> tuple[dict[str, Any], PublicKey, bytes]:
    whole = json.loads(file)
    content, seal = whole["certificate"], whole["seal"]
    # The same content in another form (with a name twice, say) could be read differently.
    if json_text({"certificate": content, "seal": seal}) != file or content["format"] != FORMAT:
        raise ValueError("written in another way")
    if seal["algorithm"] != ALGORITHM:
        raise ValueError("signed in another way")
    signature = base64.b64decode(seal["signature"])
    key = PublicKey.of_pem(seal["key"].encode())
    # Base64 has unused bits: only one form of a signature is valid.
    if base64.b64encode(signature).decode() != seal["signature"] or key.pem.decode() != seal["key"]:
        raise ValueError("written in another way")
    return content, key, signature


def page(certificate: Certificate, words: Words, *, fingerprint: str) -> Iterator[bytes]:
    """Yield *certificate* as an HTML page to read or print; the signature is that of the JSON file."""
    return pages.page(
        "certificate.jinja",
        words,
        title=words.say("Certificate of erasure"),
        certificate=certificate,
        fingerprint=fingerprint,
        begun=words.moment(certificate.begun_at),
        completed=words.moment(certificate.completed_at),
        looked=words.moment(certificate.second_look.at),
        received=words.day(certificate.proof.received_on) if certificate.proof else "",
        notified=[name for name in certificate.recipients if name not in certificate.not_notified],
        kept=[(handled.label, item) for handled in certificate.handled for item in handled.retained],
        left=[(handled.label, item) for handled in certificate.handled for item in _left(handled)],
        named=[item for item in certificate.looked_through if item.places or not item.finished],
        grounded=any(handled.ground for handled in certificate.handled),
        day=words.day,
        reason=lambda code: words.say(REASONS.get(code, OTHER)),
    )


def _left(handled: Handled) -> Sequence[Retained]:
    incomplete = [Retained(handled.incomplete, NOT_CHANGEABLE)] if handled.incomplete else []
    return [*handled.left, *incomplete]


def _content(certificate: Certificate) -> dict[str, Any]:
    look, proof = certificate.second_look, certificate.proof
    return {
        "format": FORMAT,
        "number": certificate.number,
        "request": certificate.request_id,
        "map_version": certificate.map_version,
        "controller": certificate.controller,
        "begun_at": certificate.begun_at.isoformat(),
        "completed_at": certificate.completed_at.isoformat(),
        "collections": [_collection(item) for item in certificate.handled],
        "recipients": list(certificate.recipients),
        "recipients_untold": list(certificate.not_notified),
        "verification": {
            "at": look.at.isoformat(),
            "collections": look.collections,
            "remaining": look.remaining,
            "result": "nothing_left" if certificate.complete else "records_left",
            "searched": [asdict(item) for item in certificate.searched],
            "texts": [asdict(item) for item in certificate.looked_through],
        },
        "asked": None if proof is None else asdict(proof) | {"received_on": proof.received_on.isoformat()},
        "issued_by": certificate.program,
    }


def _retried(left: Retained) -> str | None:
    """Return when the erasure of the records is retried; None if it never is."""
    return None if left.reason == NOT_CHANGEABLE else RETRIED


def _collection(item: Handled) -> dict[str, Any]:
    retained = [
        {
            "records": kept.records,
            "reason": kept.reason,
            "citation": kept.citation or None,
            "until": kept.until.isoformat() if kept.until else None,
        }
        for kept in item.retained
    ]
    left = [{"records": left.records, "reason": left.reason, "retried": _retried(left)} for left in item.left]
    return asdict(item) | {"retained": retained, "left": left}
