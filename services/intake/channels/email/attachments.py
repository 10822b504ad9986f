"""Attachments of mails as proofs: their type and their purpose. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from services.intake.channels.email.parser import Attachment
from services.intake.http.uploads import kind_of
from shared.contract.events import MOST_DOCUMENT_BYTES, Document, ProofSlot

NAMED: Mapping[ProofSlot, re.Pattern[str]] = MappingProxyType(
    {
        ProofSlot.PERMISSION: re.compile(
            r"permission|power.?of.?attorney|\bpoa\b|mandat|vollmacht|procura|poder|autoriza|volmacht|authoris"
            r"|authoriz|授权|委托"
        ),
        ProofSlot.IDENTITY: re.compile(
            r"passp|\bpass\b|reisepass|ausweis|\bperso\b|\bid\b|identi|licen[cs]e|fuhrerschein|permis"
            r"|patente|rijbewijs|paspoort|pasaporte|passaporte|\bdni\b|\bnie\b|\bcni\b|\brg\b|carta.?d|护照|身份证"
            r"|驾照|護照|身份證"
        ),
        ProofSlot.ADDRESS: re.compile(
            r"\bbill\b|utility|statement|invoice|rechnung|strom|kontoauszug|meldebe|adress|address|facture"
            r"|quittance|justificatif.?de.?domicile|factura|recibo|bolletta|fattura|residen|fatura|comprovativo"
            r"|comprovante|rekening|afschrift|账单|地址|水电"
        ),
    }
)
"""The purpose of a document, by words in its file name."""


def documents_in(attachments: Iterable[Attachment]) -> tuple[Document, ...]:
    """
    Return the pictures and PDFs among *attachments* as proofs, one for each purpose.

    The first bytes give the type, the file name the purpose: by default a proof of identity, for a second
    file a proof of address. A wrong guess costs one more check.
    """
    found: dict[ProofSlot, Document] = {}
    fitting = (one for one in attachments if 0 < len(one.content) <= MOST_DOCUMENT_BYTES)
    read = [(one, kind) for one in fitting if (kind := kind_of(one.content)) is not None]
    for attachment, kind in sorted(read, key=lambda one: _named(one[0]) is None):
        slot = _named(attachment) or (
            ProofSlot.ADDRESS if ProofSlot.IDENTITY in found else ProofSlot.IDENTITY
        )
        # Made without validation, which would decode the bytes as Base64.
        document = Document.model_construct(
            kind="document", slot=slot, media_type=kind, content=attachment.content
        )
        found.setdefault(slot, document)
    return tuple(found.values())


def _named(attachment: Attachment) -> ProofSlot | None:
    plain = unicodedata.normalize("NFKD", attachment.name).casefold()
    name = "".join(character for character in plain if not unicodedata.combining(character)).replace("_", " ")
    return next((slot for slot, words in NAMED.items() if words.search(name)), None)
