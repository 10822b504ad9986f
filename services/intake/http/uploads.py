"""
Proofs uploaded in a form: files stay in memory until they are sealed.

The browser's name and type of a file are ignored: the first bytes give the type. Messages name the field,
never its value.
"""

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

from fastapi import HTTPException, Request
from pydantic import BaseModel, Field, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from shared.contract.declarations import CURRENT, TEXTS
from shared.contract.envelope import MAX_BODY
from shared.contract.events import (
    MOST_DOCUMENT_BYTES,
    MOST_PROOFS,
    OPENPGP_MESSAGE,
    Declaration,
    Document,
    EmailCode,
    IdToken,
    Proof,
    ProofSlot,
    Strict,
)
from shared.pages.translation import mark as _
from shared.runtime.memory_forms import MemoryFormParser

P = TypeVar("P", bound=BaseModel)

MOST_BODY = len(ProofSlot) * MOST_DOCUMENT_BYTES + MAX_BODY
"""Bytes of a body with proofs: a document per slot, and the rest of the form."""
MOST_TEXT = 16 * 1024
"""Bytes of a field without a file."""
MOST_FIELDS = 8
TICKED = "on"
"""The browser's value of a ticked box without a value of its own."""
ACCEPTED = "image/jpeg,image/png,image/heic,image/tiff,application/pdf"
"""The types that a browser offers."""
MAGICS: Mapping[bytes, str] = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
    b"%PDF-": "application/pdf",
}
"""First bytes → type of the file."""
OPENPGP = re.compile(rb"-----BEGIN PGP MESSAGE-----|[\x84-\x86\xc1]")
"""An OpenPGP message: as text, or with the packet of a session key first (RFC 9580 § 4.2, 5.1)."""
ENCRYPTED = f"{OPENPGP_MESSAGE},.asc,.gpg,.pgp"
"""The types that a browser offers as well, where the company has a key."""
HEIC = re.compile(rb".{4}ftyp(?:hei[cxms]|mif1|msf1)", re.DOTALL)


class ProofUploadForm(Strict, defer_build=False):
    """Proofs of identity."""

    proofs: tuple[Proof, ...] = Field(min_length=1, max_length=MOST_PROOFS)


@dataclass(frozen=True, slots=True)
class FieldError:
    """A fault in a field; without a field, in the whole form."""

    path: str
    sentence: str
    """English, with ``%(name)s`` for a value: pages translate it."""
    values: Mapping[str, int] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The sentence in English, for the API."""
        return self.sentence % self.values


class FormNotTaken(Exception):
    """A form is refused."""

    def __init__(self, status: HTTPStatus, *flaws: FieldError) -> None:
        super().__init__(f"a form was not taken: {status}")
        self.status = status
        self.flaws = flaws


class InMemory(MemoryFormParser):
    """Parses a limited body; stops at the first file that is too large."""

    max_part_size = MOST_TEXT

    def __init__(self, request: Request) -> None:
        """Parse the body of *request*."""
        super().__init__(
            request.headers,
            request.stream(),
            max_files=len(ProofSlot),
            max_fields=MOST_FIELDS,
            max_part_size=MOST_TEXT,
        )
        self._bytes = 0

    def on_part_begin(self) -> None:
        """Start a part."""
        super().on_part_begin()
        self._bytes = 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Process a piece of a field; raise ``FormNotTaken`` if the file is too large."""
        self._bytes += end - start
        if self._bytes > MOST_DOCUMENT_BYTES:
            name = self._current_part.field_name
            known = name if name in set(ProofSlot) else ""  # another name could hold any text
            wrong = FieldError(known, TOO_LARGE, {"most": MOST_DOCUMENT_BYTES >> 20})
            raise FormNotTaken(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, wrong)
        super().on_part_data(data, start, end)


TOO_LARGE = _("The file is larger than %(most)s MB. Take a smaller picture of it.")
NO_DOCUMENT = _("The file is neither a picture (JPEG, PNG, HEIC, TIFF) nor a PDF.")
GIVEN_TWICE = _("Send one file for each of these fields; a PDF may have several pages.")
NOTHING = _("Choose a file first.")
NO_FORM = _("The form cannot be read. It may have at most %(most)s files, one for each purpose.")
NOT_KNOWN = _("The form contains an unknown field.")
NO_CODE = _("Enter the code exactly as in our letter.")
NO_TOKEN = _("This is not an ID token.")
NOT_TICKED = _("Tick the box to sign the declaration.")
NO_SIGNATURE = _("Type your full name to sign the declaration.")
OTHER_WORDING = _("The wording of the declaration has changed. Please read it and sign it again.")


def is_form(request: Request) -> bool:
    """Return whether the body of *request* is a form with files."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data"


UTF8 = frozenset({b"utf-8", b"utf8"})


def must_be_utf8(request: Request) -> None:
    """Refuse a form in another ``charset`` (415): codecs of others fail in various ways."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    if options.get(b"charset", b"utf-8").lower() not in UTF8:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send forms in UTF-8.")


async def read(request: Request, now: datetime) -> tuple[Proof, ...]:
    """Return the proofs in the form of *request*, unread and limited; *now* is the time of signature."""
    must_be_utf8(request)
    try:
        form = await InMemory(request).parse()
    except MultiPartException:
        raise flaw("", NO_FORM, most=len(ProofSlot)) from None
    try:
        return await _proofs(form, now)
    finally:
        await form.close()


async def _proofs(form: FormData, now: datetime) -> tuple[Proof, ...]:
    if form.keys() - FIELDS:
        raise flaw("", NOT_KNOWN)
    proofs: list[Proof] = []
    if code := text_of(form, "code"):
        proofs.append(_valid(EmailCode, "code", NO_CODE, kind="email_code", code=code))
    if token := text_of(form, "token"):
        proofs.append(id_token(token))
    if text_of(form, "declaration") or text_of(form, "declaration_name"):
        given = {field: text_of(form, field) for field in ("declaration", "declaration_name")}
        proofs.append(signed(given, now))
    proofs += [document async for document in _documents(form)]
    if not proofs:
        raise flaw("", NOTHING)
    return tuple(proofs)


def id_token(token: str) -> IdToken:
    """Return the proof *token*; raises FormNotTaken if it has not the form of one."""
    return _valid(IdToken, "token", NO_TOKEN, kind="id_token", token=token)


FIELDS = frozenset({"code", "token", "declaration", "declaration_name", *ProofSlot})


def signed(given: Mapping[str, str], now: datetime) -> Declaration:
    """Return the signed declaration: the box names the wording, the name is the signature."""
    ticked, name = given["declaration"], given["declaration_name"]
    missing = {"declaration": NOT_TICKED} if not ticked else {}
    missing |= {"declaration_name": NO_SIGNATURE} if not name else {}
    if missing:
        flaws = (FieldError(field, message) for field, message in missing.items())
        raise FormNotTaken(HTTPStatus.UNPROCESSABLE_ENTITY, *flaws)
    text = TEXTS.get(CURRENT if ticked == TICKED else ticked)
    if text is None:
        raise flaw("declaration", OTHER_WORDING)
    values = {"kind": "declaration", "text": text, "name": name, "signed_at": now}
    return _valid(Declaration, "declaration_name", NO_SIGNATURE, **values)


async def _documents(form: FormData) -> AsyncIterator[Document]:
    for slot in ProofSlot:
        files = [file for file in form.getlist(slot) if isinstance(file, UploadFile) and file.size]
        if len(files) > 1:
            raise flaw(slot, GIVEN_TWICE)
        for file in files:
            content = await file.read()
            media_type = kind_of(content)
            if media_type is None:
                raise flaw(slot, NO_DOCUMENT)
            # Made without validation, which would decode the bytes as Base64.
            yield Document.model_construct(kind="document", slot=slot, media_type=media_type, content=content)


def kind_of(content: bytes) -> str | None:
    """Return the type of a file by its first bytes; None if it is no picture, PDF or OpenPGP message."""
    found = (media_type for magic, media_type in MAGICS.items() if content.startswith(magic))
    return next(
        found, "image/heic" if HEIC.match(content) else OPENPGP_MESSAGE if OPENPGP.match(content) else None
    )


async def text_fields(request: Request, fields: Iterable[str], most: int) -> dict[str, str]:
    """Return the input of *fields*, of at *most* so many. The body is smaller than the limit of memory."""
    must_be_utf8(request)
    async with request.form(max_files=0, max_fields=most) as form:
        return {name: text_of(form, name) for name in fields}


def text_of(form: FormData, field: str) -> str:
    """Return the text of *field*; empty for a file."""
    value = form.get(field)
    return value.strip() if isinstance(value, str) else ""


def _valid(model: type[P], field: str, message: str, **values: object) -> P:
    try:
        return model.model_validate(values)
    except ValidationError:
        raise flaw(field, message) from None


def flaw(path: str, sentence: str, **values: int) -> FormNotTaken:
    """Return the fault that the field *path* is invalid."""
    return FormNotTaken(HTTPStatus.UNPROCESSABLE_ENTITY, FieldError(path, sentence, values))
