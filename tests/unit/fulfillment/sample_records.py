"""Records of fictional people, and their data map, for tests of packages."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.datamap.model import Collection, Facts, MappedField
from services.fulfillment.package.builder import build
from services.fulfillment.package.survey import Contents, PackageSection
from shared.runtime.mongo import Document

SIGNER = CertificateSigner(b"m" * 32)
FACTS = Facts(
    purpose="To invoice services",
    legal_basis="Art. 6(1)(b) GDPR",
    source="The person",
    recipients=("Bank", "Tax adviser"),
    transfer="None",
)


def field(path: str, *categories: str, kind: str = "string") -> MappedField:
    return MappedField(path=path, where="map.yml:1", type=kind, categories=categories)


CUSTOMERS = Collection(
    store="default",
    dataset="billing",
    name="customers",
    where="map.yml:1",
    description="The person who pays.",
    facts=FACTS,
    fields=(
        field("_id", "system.operations", kind="long"),
        field("email", "user.contact.email"),
        field("bank", kind="object"),
        field("bank.holder", "user.name"),
        field("bank.iban", "user.financial.bank_account"),
        field("keys", kind="object[]"),
        field("keys.name", "user.name"),
        field("keys.secret", "user.authorization.password"),
    ),
)
ADA: Document = {
    "_id": 7,
    "email": "ada@example.org",
    "bank": {"holder": "Ada Example", "iban": "XX00TOPSECRET"},
    "keys": [{"name": "Ada", "secret": "hunter2"}, {"name": "laptop", "secret": "hunter3"}],
}


def contents(*sections: PackageSection, **changes: Any) -> Contents:
    plain = Contents(
        request_id="r-1",
        map_version="abc",
        made_at=datetime(2026, 3, 5, 13, 35, tzinfo=UTC),
        controller="Fernlicht",
        sections=sections or (PackageSection(CUSTOMERS, [ADA]),),
        received_on=date(2026, 2, 27),
    )
    return replace(plain, **changes)


def packed(what: Contents) -> bytes:
    return b"".join(build(what, signer=SIGNER))


def unpacked(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def files_of(*documents: Document, collection: Collection = CUSTOMERS) -> dict[str, bytes]:
    return unpacked(packed(contents(PackageSection(collection, documents))))


def repacked(files: Iterable[tuple[str, bytes]]) -> io.BytesIO:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content)
    return target


def named(store: str, dataset: str, name: str) -> Collection:
    return Collection(store=store, dataset=dataset, name=name, where="map.yml:1")


class Many:
    """Documents that are made when they are read, and again each time."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[Document]:
        return ({"_id": n, "email": f"p{n}@example.org", "note": {"n": n}} for n in range(self.count))


def parsed(content: bytes) -> Any:
    return json.loads(content)
