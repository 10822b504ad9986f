"""
Writes the result of a survey as a data map with comments, one file for each database.

Comments state the confidence and reason of each finding. They name fields and count values; they repeat none.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from types import MappingProxyType

import yaml

from services.fulfillment.datamap.model import PERSONAL, Direction
from services.fulfillment.datamap.ownership_proposals import OWN_VALUES, ProposedOwnership
from services.fulfillment.drafting.array_ownership import proposed_by_outline
from services.fulfillment.drafting.detection import is_about_thing, refers_to_people
from services.fulfillment.drafting.ownership import EMAIL, PHONE, IdentityField
from services.fulfillment.drafting.references import ReferenceLink
from services.fulfillment.drafting.schema import CollectionOutline, Property
from services.fulfillment.drafting.survey import StoreSurvey
from shared.law.taxonomy import covered

LEAST_CONFIDENCE = 0.5
"""Findings with less confidence are comments, in records of people open points as well."""
NOT_PERSONAL = "system.operations"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
NOT_STATED: Mapping[str, str] = MappingProxyType({})
MOST_NAMED = 5
"""Fields that are named of a collection that no search reaches."""
_IDENTIFYING = (EMAIL, PHONE)
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
HEAD = """\
# A draft, made by `habeas map draft` from a sample of the data: a proposal that was not reviewed yet.
#
# Review it before use. Each finding has a confidence from 0 to 1. Facts that the data does not show are
# for you to write: purpose, legal_basis, source, recipients, transfer and storage of each collection
# (Art. 15(1) GDPR), retention and legal holds, and whether an erasure deletes a document, masks it or keeps
# it. `habeas map check` then compares the map with the data.
dataset:
"""


@dataclass(frozen=True, slots=True)
class _Draft:
    """The findings about one collection."""

    outline: CollectionOutline
    identities: Mapping[str, IdentityField]
    links: Mapping[str, Sequence[ReferenceLink]]
    """By the path of the referring field."""
    units: frozenset[str | None]
    """One person's units in it: the document (None), or elements of these arrays."""
    verified: Mapping[str, str] = dataclass_field(default_factory=lambda: NOT_STATED)
    """Key of the collection and path of an identity → how its values are verified."""

    @property
    def owned(self) -> bool:
        """Whether people's records are found in it."""
        return bool(self.units)

    def verification(self, one: Property) -> str:
        """Return how the values of an identity are verified; empty if it is not stated."""
        known = one.path in self.identities
        return self.verified.get(f"{self.outline.key}.{one.path}", "") if known else ""

    def holds(self, one: Property) -> bool:
        """Return whether the field is part of one person's data."""
        return any(unit is None or f"{one.path}.".startswith(f"{unit}.") for unit in self.units)


def write(found: StoreSurvey, verified: Mapping[str, str] = NOT_STATED) -> dict[str, str]:
    """
    Return the files of a data map, by their names: one for each database of each store.

    *verified* states how values of identity fields are verified: ``{shop.customers.email: always}``.
    """
    reached = found.reached
    links: defaultdict[str, defaultdict[str, list[ReferenceLink]]] = defaultdict(lambda: defaultdict(list))
    for link in found.links:
        links[link.source.outline.key][link.source.field.path].append(link)
    drafts: defaultdict[tuple[str, str], list[_Draft]] = defaultdict(list)
    for outline in found.outlines:
        identities = {one.path: one for one in found.identities[outline.key]}
        drafts[outline.store, outline.database].append(
            _Draft(
                outline if reached[outline.key] else _without_texts_about_things(outline),
                identities,
                links[outline.key],
                reached[outline.key],
                verified,
            )
        )
    files: dict[str, str] = {}
    for (store, database), some in drafts.items():
        name = database if store == "default" else f"{store}.{database}"
        text = "".join(f"{line}\n" for line in _dataset(store, database, some))
        files[re.sub(r"[^\w.-]", "_", name) + ".yml"] = HEAD + text
    return files


def _without_texts_about_things(outline: CollectionOutline) -> CollectionOutline:
    """Return *outline*, in which no person is found, without texts that describe things, such as products."""
    tops = [(one.path, _sure(one)) for one in outline.properties]
    named = any(
        covered(category, PERSONAL) and not category.startswith("user.content") for _, category in tops
    )
    if named or any(refers_to_people(path) for path, _ in tops):
        return outline

    def kept(one: Property) -> Property:
        return replace(one, detected=tuple(d for d in one.detected if not is_about_thing(one.path, d)))

    return replace(outline, properties=tuple(map(kept, outline.properties)))


def _dataset(store: str, database: str, drafts: Sequence[_Draft]) -> Iterator[str]:
    yield f"  - fides_key: {word(database)}"
    yield "    meta:"
    yield "      habeas:"
    yield f"        store: {word(store)}"
    yield "    collections:"
    for draft in drafts:
        yield from _collection(draft)


def _collection(draft: _Draft) -> Iterator[str]:
    outline = draft.outline
    yield f"      # {'-' * 100}"
    yield f"      - name: {word(outline.name)}"
    yield f"        # About {outline.total} documents; {outline.sampled} were looked at."
    if draft.owned:
        yield "        meta:"
        yield "          habeas:"
        if "_id" in draft.identities:
            yield f"{' ' * 12}erasure: delete # the _id itself is personal, and no database lets it be masked"
        else:
            yield f"{' ' * 12}erasure: mask # to decide: delete, mask or keep"
    else:
        personal = _personal(outline)
        if personal:
            named = ", ".join(map(word, personal[:MOST_NAMED]))
            more = f" and {len(personal) - MOST_NAMED} more" if len(personal) > MOST_NAMED else ""
            yield f"        # Look here: {named}{more} may be personal data, and no request would find it."
        yield "        fides_meta:"
        yield "          skip_processing: true # no reference leads from a person to here"
    yield from _fields(draft, "", 8)


def _personal(outline: CollectionOutline) -> list[str]:
    return [one.path for one in outline.properties if _sure(one) and covered(_sure(one), PERSONAL)]


def unreached(found: StoreSurvey) -> list[str]:
    """Return the collections with personal data that no request would find."""
    reached = found.reached
    return [outline.key for outline in found.outlines if not reached[outline.key] and _personal(outline)]


def _fields(draft: _Draft, above: str, indent: int) -> Iterator[str]:
    inside = [one for one in draft.outline.properties if one.path.rpartition(".")[0] == above]
    lines = [line for one in inside for line in _field(draft, one, indent + 2)]
    if lines:
        yield f"{' ' * indent}fields:"
        yield from lines


def _field(draft: _Draft, one: Property, indent: int) -> Iterator[str]:
    pad, name = " " * indent, one.path.rpartition(".")[2]
    if name.startswith("$") or not name:
        yield f"{pad}# {word(name)} cannot be named in a map."
        return
    yield f"{pad}- name: {word(name)}"
    pad += "  "
    yield from (f"{pad}# {line}" for line in _comments(draft, one))
    if not one.container:
        category, why = _category(draft, one)
        yield f"{pad}data_categories: [{category}]{why}"
    yield from _fides_meta(draft, one, pad)
    yield from _habeas_meta(draft, one, pad)
    if one.container:
        yield from _fields(draft, one.path, indent + 2)


def _habeas_meta(draft: _Draft, one: Property, pad: str) -> Iterator[str]:
    verified, ownership = draft.verification(one), _ownership(draft, one)
    said = [f"verified: {verified}"] * bool(verified)
    said += [f"ownership: {ownership.ownership}"] if ownership else []
    why = f" # to decide: {ownership.why}" if ownership else ""
    if draft.holds(one) and covered(_sure(one), ("user.content",)) and one.type == "string" and not said:
        said, why = ["third_parties: redact"], " # a text may name other people"
    if said:
        yield f"{pad}meta: {{ habeas: {{ {', '.join(said)} }} }}{why}"


def _comments(draft: _Draft, one: Property) -> Iterator[str]:
    identity = draft.identities.get(one.path)
    if identity is not None:
        yield f"Identity, {identity.confidence:.2f}: {identity.why}."
        if not draft.verification(one):
            yield "State how its value is verified (`verified`); until then, it is a claim."
        if identity.name not in {"email", "phone_number"}:
            yield f"A request finds it by {word(identity.name)} among its identifiers."
        if identity.unit is not None:
            yield f"Elements of {word(identity.unit)} belong to different people: each is found by its own."
    for other in one.detected[1:3] if _sure(one) else one.detected[:2]:
        yield f"Perhaps {other.category}, {other.confidence:.2f}: {other.why}."
    if identity is None and one.shared:
        yield f"{one.shared:.0%} of the e-mail addresses look like an office's mailbox, not a person's."
    if identity is None and _sure(one) == PHONE:
        yield "No identity: few have their country code, and a look-up would miss the rest."
    for link in draft.links.get(one.path, ()):
        if link.direction is None:
            target = ".".join(map(word, link.target.name.split(".")))
            yield f"Refers to {target}, {link.confidence:.2f}: {link.why}."
            yield f"Not followed: {link.because}."


def _ownership(draft: _Draft, one: Property) -> ProposedOwnership | None:
    """Return the proposal for a field in an array by which people are found."""
    identity = draft.identities.get(one.path)
    if identity is not None and identity.together:
        return OWN_VALUES
    if one.unit is None or not _is_matched(draft, one.path):
        return None
    own = {path for path, identity in draft.identities.items() if identity.unit is None}
    outside = (other.path for other in draft.outline.properties if other.unit is None)
    owners = [path for path in outside if path in own or _is_matched(draft, path)]
    return proposed_by_outline(draft.outline, [*owners, *sorted(own.difference(owners))])


def _is_matched(draft: _Draft, path: str) -> bool:
    """Return whether people are found by the field at *path*."""
    directions = {link.direction for link in draft.links.get(path, ())}
    return path in draft.identities or bool(directions & {Direction.FROM, Direction.BOTH})


def _sure(one: Property) -> str:
    top = one.category
    return top.category if top is not None and top.confidence >= LEAST_CONFIDENCE else ""


def _category(draft: _Draft, one: Property) -> tuple[str, str]:
    top = one.category
    if top is not None and top.confidence >= LEAST_CONFIDENCE:
        known = one.path in draft.identities and top.category in _IDENTIFYING
        return top.category, "" if known else f" # {top.confidence:.2f}: {top.why}"
    own_text = one.type == "string" and one.unique and one.count >= 10 and one.path != "_id"  # noqa: PLR2004
    if draft.holds(one) and own_text and one.path not in draft.links:
        return "user", " # to decide: an own text in each document, its category"
    if draft.holds(one) and top is not None and covered(top.category, PERSONAL):
        return NOT_PERSONAL, f" # to decide: whether it is {top.category}"
    return NOT_PERSONAL, ""


def _fides_meta(draft: _Draft, one: Property, pad: str) -> Iterator[str]:
    identity = draft.identities.get(one.path)
    said = []
    if one.path == "_id":
        said.append("primary_key: true")
    if one.type is not None:
        said.append(f'data_type: "{one.type}[]"' if one.array else f"data_type: {one.type}")
    if identity is not None:
        said.append(f"identity: {word(identity.name)}")
    if _clashes(draft, one):
        said.append("masking_strategy_override: { strategy: hash }")
    links = [link for link in draft.links.get(one.path, ()) if link.direction is not None]
    if links:
        yield f"{pad}fides_meta:"
        yield from (f"{pad}  {part}" for part in said)
        yield f"{pad}  references:"
        yield from (_reference(link, pad + "    ") for link in links)
    elif said:
        yield f"{pad}fides_meta: {{ {', '.join(said)} }}"


def _clashes(draft: _Draft, one: Property) -> bool:
    """Return whether a unique index would refuse the second person's null."""
    personal = covered(_category(draft, one)[0], PERSONAL)
    return draft.owned and personal and one.path in draft.outline.unique and one.path != "_id"


def _reference(link: ReferenceLink, pad: str) -> str:
    target = link.target
    field = word(f"{target.outline.name}.{target.field.path}")
    direction = "" if link.direction is Direction.BOTH else f", direction: {link.direction}"
    dataset = word(target.outline.database)
    return f"{pad}- {{ dataset: {dataset}, field: {field}{direction} }} # {link.confidence:.2f}: {link.why}"


def word(text: str) -> str:
    """Return *text* as YAML reads it back; in quotes where it would read something else."""
    if _WORD.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=sys.maxsize)
    return quoted.strip()


def summary(found: StoreSurvey) -> dict[str, object]:
    """Return the findings as plain values, for programs."""
    return {
        "collections": {
            outline.key: {"store": outline.store, "documents": outline.total, "sampled": outline.sampled}
            for outline in found.outlines
        },
        "unreached": unreached(found),
        "identities": [
            {
                "field": f"{key}.{one.path}",
                "identity": one.name,
                "confidence": one.confidence,
                "verified": None,  # no data says it
            }
            for key, some in found.identities.items()
            for one in some
        ],
        "references": [
            {
                "from": link.source.name,
                "to": link.target.name,
                "confidence": link.confidence,
                "direction": link.direction and link.direction.value,
                "not_followed": link.because or None,
            }
            for link in found.links
        ],
    }
