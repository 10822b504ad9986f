"""Reader of declarations of breaches: YAML or JSON, every error with its place and remedy."""

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast, get_args
from uuid import uuid4

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from habeas.client.requests import SOURCE
from shared.client import submissions
from shared.contract.events.breaches import BreachDeclared
from shared.contract.field_errors import message_of
from shared.contract.suggestions import nearest_word, suggestions_for
from shared.errors import ConfigurationError
from shared.law.library import RepeatedKeyError, UniqueKeyLoader

REMEDIES: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is no field of a declaration; check its spelling",
    "timezone_aware": "needs its offset: 2026-03-09T08:00+01:00",
    "datetime_from_date_parsing": "write a moment with its offset: 2026-03-09T08:00+01:00",
    "datetime_parsing": "write a moment with its offset: 2026-03-09T08:00+01:00",
    "bool_parsing": "write yes or no",
    "string_type": "write a text",
}
"""pydantic's name of an error → its message."""
FORMS: Mapping[str, str] = {
    "country": "write its code (ISO 3166): DE",
    "subdivision": "write its code (ISO 3166-2) without the country: CA",
    "email": "write one mail address: ada@example.org",
    "locale": "write the code of a language (ISO 639): de",
    "language": "write its code (ISO 639): de",
    "translations": "write the code of a language (ISO 639): de",
    "by": "write a-z, 0-9, _ and dots: dana.muster",
    "id": "write letters, digits, dots and dashes: K-100",
    "mail_domains": "write a domain: example.org",
    "categories": "write the words of the data map: user.contact.email",
}
"""Messages about malformed texts, by field."""
NO_FIELDS = ("constrained-str", "[key]")
"""pydantic's additions to a place: the form it tried, and a wrong name."""
STRINGS = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
"""YAML types of words that are strings in JSON: ``NO`` is a country, and a moment has an offset."""


class _Loader(UniqueKeyLoader):
    """A loader like JSON's: only ``true`` is true; no repeated names."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in STRINGS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


def unsigned(path: Path, mapped: Collection[str] | None = None) -> BreachDeclared:
    """
    Return the declaration in the YAML or JSON file *path*; ``-`` is standard input.

    *mapped* are the categories of the data map, if it is known. Raises ConfigurationError if it cannot be
    read; the message names the errors, places and remedies.
    """
    return _declared(path, _content(path), mapped)


class DeclarationQuestion(NamedTuple):
    """A question about a breach: the field of the declaration, the text and the default answer."""

    field: str
    text: str
    default: str | None = None
    """An empty text: it may stay unanswered."""


QUESTIONS = (
    DeclarationQuestion("reference", "Your reference of the incident (INC-2026-014)"),
    DeclarationQuestion("role", "Your role: controller, or processor of your customers' data", "controller"),
    DeclarationQuestion("occurred_from", "When it began (2026-03-03 02:10)"),
    DeclarationQuestion("occurred_to", "When it ended; empty if it is not over or not known", ""),
    DeclarationQuestion("detected_at", "When its first sign was seen"),
    DeclarationQuestion("aware_at", "When it was reasonably certain that personal data is affected"),
    DeclarationQuestion("nature", "What happened, for the letter to the people"),
    DeclarationQuestion("consequences", "Its likely consequences for them"),
    DeclarationQuestion("measures", "Measures that you took"),
    DeclarationQuestion("advice", "Advice to them"),
    DeclarationQuestion("language", "Language of these four texts", "en"),
    DeclarationQuestion("categories", "Categories of data, in the words of the data map (user.name, ...)"),
    DeclarationQuestion("collections", "Collections with affected records (portal.contacts, ...)", ""),
    DeclarationQuestion("contact", "Contact for questions: name, mail address, telephone"),
    DeclarationQuestion("high_risk", "Is a high risk for the people likely? (yes, no)"),
    DeclarationQuestion("rationale", "Reasons for this risk", ""),
    DeclarationQuestion("encrypted", "Was the data encrypted? (yes, no)", "no"),
)
"""The questions of `habeas breach new`, in their order."""
LISTS = {"categories", "collections"}
YES, NO = {"yes", "y", "true"}, {"no", "n", "false"}


def answer_of(question: DeclarationQuestion, text: str, zone: tzinfo) -> Any:
    """
    Return the value that *text* gives to the field of *question*; a moment without an offset is in *zone*.

    Raises ConfigurationError if it is none.
    """
    if question.field in LISTS:
        return [word for word in re.split(r"[,\s]+", text) if word]
    field = BreachDeclared.model_fields[question.field]
    value: Any = text
    if field.annotation is bool:
        value = {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}.get(text.lower(), text)
    elif question.field.endswith(("_at", "_from", "_to")):
        value = _with_offset(text, zone)
    adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", Annotated[field.annotation, *field.metadata, None]))
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        flaw = error.errors(include_url=False, include_input=False)[0]
        raise ConfigurationError(_said({**flaw, "loc": (question.field,)})) from None
    return value


def _with_offset(text: str, zone: tzinfo) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (at if at.tzinfo else at.replace(tzinfo=zone)).isoformat(timespec="minutes")


def drafted(answers: Mapping[str, Any]) -> str:
    """Return a declaration file with *answers*."""
    content = {name: value for name, value in answers.items() if value not in ("", [])}
    collections = content.pop("collections", [])
    if collections:
        content["affected"] = {"collections": [{"collection": name} for name in collections]}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)
    return f"{HEADER}{text}"


HEADER = """\
# A breach, for `habeas breach scope FILE` and then `habeas breach declare FILE`.
# Further fields (filters, translations, people without records, customers) are in docs/how-to/breach.md.
"""


def _declared(path: Path, content: Mapping[str, Any], mapped: Collection[str] | None) -> BreachDeclared:
    try:
        declared = BreachDeclared.model_validate(content)
    except ValidationError as error:
        flaws = error.errors(include_url=False, include_input=False)
        said = dict.fromkeys(map(_said, flaws))
        raise ConfigurationError("\n".join(f"{path}: {one}" for one in said)) from None
    slips = suggestions_for(declared, mapped, now=datetime.now(UTC))
    if slips:
        raise ConfigurationError("\n".join(f"{path}: {slip}" for slip in slips))
    return declared


def _content(path: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a safe one
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is no UTF-8 text; store it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = "a name is repeated" if isinstance(error, RepeatedKeyError) else "is neither YAML nor JSON"
        raise ConfigurationError(f"{path}:{mark.line + 1 if mark else 1}: {what}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: a declaration is an object with names and values")
    return content


def _said(flaw: Any) -> str:
    steps = [str(step) for step in flaw["loc"] if step not in NO_FIELDS]
    place = ".".join(steps)
    message = REMEDIES.get(flaw["type"]) or message_of(flaw, own=True)
    if flaw["type"] == "string_pattern_mismatch":
        message = next((FORMS[step] for step in reversed(steps) if step in FORMS), message)
    if flaw["type"] == "extra_forbidden":
        meant = nearest_word(str(flaw["loc"][-1]), _fields_at(flaw["loc"][:-1]))
        message += f": perhaps {meant}" if meant else ""
    return f"{place}: {message}" if place else str(message)


def _fields_at(steps: Iterable[str | int]) -> list[str]:
    """Return the fields at the place *steps* of a declaration."""
    model: type[BaseModel] = BreachDeclared
    for step in steps:
        if step in model.model_fields:
            model = next(_models_in(model.model_fields[str(step)].annotation), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in the type *annotation*."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def check_size(declared: BreachDeclared) -> None:
    """Check that a declaration fits into one message. Raises ConfigurationError if it is too large."""
    try:
        submissions.message_of(declared, source=SOURCE, id=uuid4().hex)
    except ConfigurationError:
        raise ConfigurationError(
            "affected.list: is too long for one message; name the others in further declarations of the same "
            "reference, or all of them by a filter on a collection"
        ) from None
