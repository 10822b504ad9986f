"""Stores of random shape: the search finds what a slow and simple one finds that knows every document."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Binary, Client, Decimal128, Document, Int64, ObjectId

PEOPLE = 6
KINDS = ("integer", "long", "string", "object_id", "uuid", "decimal", "double")


@dataclass
class Shape:
    """A store: for each collection its key, what refers to what, and its documents."""

    dice: random.Random
    kinds: dict[str, str] = field(default_factory=dict)
    """Of a collection's key: integer … double, the family that its values come from."""
    references: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    """Collection, field, kind as stored, where in the document (plain, nested, array, objects), target."""
    documents: dict[str, list[Document]] = field(default_factory=dict)
    owners: dict[tuple[str, Any], set[int]] = field(default_factory=dict)
    """Collection and _id → the people whose document it is."""


def stored(number: int, kind: str) -> Any:
    """The key with *number* as a value of *kind*; all kinds of one family mean the same."""
    hexadecimal = f"{number:024x}"
    match kind:
        case "integer" | "long":
            return number if kind == "integer" else Int64(number)
        case "double":
            return float(number)
        case "decimal":
            return Decimal128(Decimal(number))
        case "object_id":
            return ObjectId(hexadecimal)
        case "object_id as text":
            return hexadecimal
        case "uuid":
            return Binary.from_uuid(UUID(int=number))
        case "uuid as text":
            return str(UUID(int=number))
        case _:
            return str(number)


def relatives(kind: str) -> tuple[str, ...]:
    """The kinds in which the same key may stand elsewhere."""
    if kind in ("object_id", "uuid"):
        return (kind, f"{kind} as text")
    return ("integer", "long", "string", "decimal", "double")


def declared(kind: str) -> str:
    return "string" if kind.endswith("as text") else kind


def made(seed: int) -> Shape:
    """Return the shape of *seed*: people, then collections that refer to earlier ones, circles included."""
    dice = random.Random(seed)
    shape = Shape(dice, kinds={"people": dice.choice(KINDS)})
    shape.documents["people"] = [
        {
            "_id": n,
            "key": stored(1_000 + n, shape.kinds["people"]),
            "email": dice.choice([f"p{n}@example.org", f"P{n}@Example.org"]),
        }
        for n in range(PEOPLE)
    ]
    for n in range(PEOPLE):
        shape.owners["people", n] = {n}
    for number in range(dice.randint(2, 6)):
        _add(shape, f"c{number}")
    return shape


def _add(shape: Shape, name: str) -> None:
    dice = shape.dice
    target = dice.choice(list(shape.documents))
    kind = dice.choice(relatives(shape.kinds[target]))
    where = dice.choice(["plain", "nested", "array", "objects"])
    shape.kinds[name] = dice.choice(KINDS)
    shape.references.append((name, "ref", kind, where, target))
    base = 10_000 * (len(shape.documents) + 1)
    documents = []
    for n in range(dice.randint(3, 20)):
        document: Document = {"_id": n, "key": stored(base + n, shape.kinds[name])}
        to: Document | str | None = dice.choice([*shape.documents[target], None, "dangling"])
        if isinstance(to, str):
            document |= placed(stored(9_999_999, kind), where)
        elif to is not None:
            value = next(iter(numbers(to["key"])))
            document |= placed(stored(value, kind), where)
        documents.append(document)
        owner = shape.owners.get((target, to["_id"]), set()) if isinstance(to, dict) else set()
        shape.owners[name, n] = set(owner)
    shape.documents[name] = documents


def numbers(value: Any) -> Iterator[int]:
    """Yield the number that a key stands for."""
    match value:
        case ObjectId():
            yield int(str(value), 16)
        case Binary():
            yield value.as_uuid().int
        case Decimal128():
            yield int(value.to_decimal())
        case _:
            yield int(value)


def placed(value: Any, where: str) -> Document:
    match where:
        case "plain":
            return {"ref": value}
        case "nested":
            return {"ref": {"of": value}}
        case "array":
            return {"ref": [value]}
        case _:
            return {"ref": [{"of": value}]}


def map_of(shape: Shape, *, typed: bool) -> str:
    lines = ["dataset:", "  - fides_key: shop", "    collections:"]
    by_name = {reference[0]: reference for reference in shape.references}
    for name in shape.documents:
        lines += [
            f"      - name: {name}",
            "        fields:",
            "          - name: _id",
            "          - name: key",
        ]
        if name == "people":
            identity = "data_categories: [user.contact.email], fides_meta: { identity: email }"
            lines += [f"          - {{ name: email, {identity} }}"]
            continue
        _, _, kind, where, target = by_name[name]
        array = where in ("array", "objects")
        said = (
            f"references: [{{ dataset: shop, field: {target}.key, direction: from }}], "
            "return_all_elements: true"
        )
        here = (
            f"data_type: '{declared(kind)}{'[]' if where == 'array' else ''}', "
            if typed or where == "array"
            else ""
        )
        if where in ("plain", "array"):
            lines += [f"          - {{ name: ref, fides_meta: {{ {here}{said} }} }}"]
        else:
            outer = "'object[]', return_all_elements: true" if array else "object"
            lines += ["          - name: ref", f"            fides_meta: {{ data_type: {outer} }}"]
            lines += ["            fields:"]
            lines += [f"              - {{ name: of, fides_meta: {{ {here}{said} }} }}"]
    return "\n".join(lines)


@pytest.mark.parametrize("typed", [True, False], ids=["types declared", "types left out"])
@pytest.mark.parametrize("seed", range(12))
async def test_a_search_finds_what_is_there_and_nothing_else(
    mongo_client: Client, database_prefix: str, seed: int, *, typed: bool
) -> None:
    shape = made(seed)
    for name, documents in shape.documents.items():
        await mongo_client[database_prefix + "shop"][name].insert_many(documents)
    data_map = parse({"map.yml": map_of(shape, typed=typed)})
    stores = Stores({"default": mongo_client}, database_prefix=database_prefix)
    for person in range(PEOPLE):
        findings = await gather(data_map, stores, {"email": (f"p{person}@example.ORG",)})
        found = {(item.collection.name, item.id["_id"]) for item in findings.found}
        assert found == {where for where, owners in shape.owners.items() if person in owners}
