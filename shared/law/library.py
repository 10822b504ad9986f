"""Reads ``policies/``: every edition of every law, and the company's profile."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from shared.errors import ConfigurationError
from shared.law import CompanyProfile, Policy, PolicyLibrary, ReasonCode
from shared.law.breaches import BreachPolicies, BreachPolicy
from shared.law.company import SVG, Brand, media_type_of
from shared.law.policies import ALL_LAWS
from shared.vocabulary import RIGHTS_OF_GROUNDS, RefusalGround, Right

FOLDER = Path(__file__).parents[2] / "policies"
BREACHES = FOLDER / "breaches"
EXAMPLE = "policies/company.yaml"
"""The default company; it is a fictional one."""

MOST_LOGO_BYTES = 256 << 10
MOST_LETTER_LOGO_BYTES = 64 << 10
"""Every letter carries its logo."""

M = TypeVar("M", bound=BaseModel)
YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
E = TypeVar("E", Policy, BreachPolicy)
G = TypeVar("G", bound=StrEnum)


class RepeatedKeyError(yaml.MarkedYAMLError):
    """A repeated name in one object of a YAML file."""


class UniqueKeyLoader(YAML_LOADER):  # type: ignore[misc]  # one of two, as installed
    """A safe loader that refuses repeated names: YAML keeps the last one alone."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the object at *node*. Raises RepeatedKeyError if a name is repeated in it."""
        names = set()
        for key, _ in node.value:
            if key.value in names:
                raise RepeatedKeyError(
                    problem=f"the name {key.value} is repeated", problem_mark=key.start_mark
                )
            names.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


@lru_cache(maxsize=1)
def policies() -> PolicyLibrary:
    """
    Return all policies; they are read once.

    Raises:
        ConfigurationError: A file is damaged; the message names it and the place in it.
    """
    return read(FOLDER)


def read(folder: Path) -> PolicyLibrary:
    """Return the policies of *folder*, each in a file named after it; errors as of :func:`policies`."""
    return PolicyLibrary(_editions(folder, Policy, PolicyLibrary.FOLDER))


def provisions_of(grounds: Iterable[G], laws: Iterable[str]) -> dict[G, list[str]]:
    """Return for each of *grounds* the provisions of *laws* that have it."""
    editions = [policies().named(law) for law in laws]
    return {one: [text for law in editions if (text := law.citation(ReasonCode(one)))] for one in grounds}


def refusal_grounds(right: Right, laws: Iterable[str]) -> dict[RefusalGround, list[str]]:
    """Return the grounds on which *laws* let a request for *right* be refused, with their provisions."""
    fitting = [one for one in RefusalGround if right in RIGHTS_OF_GROUNDS.get(one, Right)]
    return {one: texts for one, texts in provisions_of(fitting, laws).items() if texts}


@lru_cache(maxsize=1)
def breach_policies() -> BreachPolicies:
    """Return all policies on breaches; they are read once; errors as of :func:`policies`."""
    return read_breaches(BREACHES)


def read_breaches(folder: Path) -> BreachPolicies:
    """Return the policies on breaches of *folder*; errors as of :func:`policies`."""
    return BreachPolicies(_editions(folder, BreachPolicy, BreachPolicies.FOLDER))


def require_known(laws: Iterable[str]) -> None:
    """
    Check the names of *laws* that the operator accepts.

    Raises:
        ConfigurationError: A law is in neither library; the message lists the known ones.
    """
    known = {ALL_LAWS, *policies().laws, *breach_policies().laws}
    for law in set(laws) - known:
        raise ConfigurationError(f"law {law!r}: there is none; known are {', '.join(sorted(known))}")


def company(name: str) -> CompanyProfile:
    """
    Return the company in the file *name*, which may be relative to where Habeas is installed.

    Raises:
        ConfigurationError: It cannot be read, or is no company; the message names the place.
    """
    file = Path(name)
    file = file if file.exists() else FOLDER.parent / file
    found = _content(file, name, CompanyProfile)
    logos = _logos(found.brand, file.parent, name)
    return found.model_copy(update={"brand": found.brand.model_copy(update=logos)}) if logos else found


def picture(file: str | None) -> bytes:
    """Return the content of a logo that :func:`company` has checked; empty for None."""
    return Path(file).read_bytes() if file else b""


def _logos(brand: Brand, folder: Path, name: str) -> dict[str, str]:
    """Return the paths of the logos of *brand*; letters have the logo of pages unless they have their own."""
    paths = {line: folder / file for line in ("logo", "letter_logo") if (file := getattr(brand, line))}
    for line, path in paths.items():
        _must_be_a_picture(path, f"{name}: brand.{line}", for_letters=line == "letter_logo")
    logo = paths.get("logo")
    if logo and "letter_logo" not in paths and media_type_of(logo.read_bytes()) != SVG:
        _must_be_a_picture(logo, f"{name}: brand.logo", for_letters=True)
        paths["letter_logo"] = logo
    return {line: str(path) for line, path in paths.items()}


def _must_be_a_picture(file: Path, where: str, *, for_letters: bool) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{where}: cannot be read ({error.strerror})") from None
    media_type = media_type_of(content)
    if for_letters and (len(content) > MOST_LETTER_LOGO_BYTES or media_type in {None, SVG}):
        raise ConfigurationError(
            f"{where}: letters carry a PNG, JPEG or GIF of at most {MOST_LETTER_LOGO_BYTES >> 10} KiB; "
            "name such a file in brand.letter_logo"
        )
    if len(content) > MOST_LOGO_BYTES or media_type is None:
        most = MOST_LOGO_BYTES >> 10
        raise ConfigurationError(f"{where}: must be an SVG, PNG, JPEG or GIF of at most {most} KiB")


def _editions(folder: Path, kind: type[E], shown: str) -> Iterator[E]:
    """Yield the policies of *folder*, which errors call *shown*."""
    files = sorted(folder.glob("*@*.yaml"))
    if not files:
        raise ConfigurationError(f"{folder}: no policies are here; install Habeas again")
    for file in files:
        policy = _content(file, where := f"{shown}/{file.name}", kind)
        if policy.id != file.stem:
            raise ConfigurationError(f"{where}: holds {policy.id}; a file is named after its policy")
        yield policy


def _content(file: Path, where: str, kind: type[M]) -> M:
    try:
        text = file.read_text(encoding="utf-8")
        return kind.model_validate(yaml.load(text, Loader=UniqueKeyLoader))  # noqa: S506 - it is a safe one
    except OSError as error:
        raise ConfigurationError(f"{where}: cannot be read ({error.strerror})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = error.problem if isinstance(error, RepeatedKeyError) else "is no YAML"
        raise ConfigurationError(f"{where}: line {mark.line + 1 if mark else 1}: {what}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        loc = (*first["loc"], *getattr(first.get("ctx", {}).get("error"), "loc", ()))
        place = ".".join(map(str, loc)) or "whole"
        raise ConfigurationError(f"{where}: line {_line_of(loc, file)}: {place}: {first['msg']}") from None


def _line_of(loc: Iterable[str | int], file: Path) -> int:
    """Return the line of *file* with the value at *loc*, or with the last part of it that is there."""
    node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    line = 1
    for part in loc:
        node = _child(node, part)
        if node is None:
            break
        line = node.start_mark.line + 1
    return line


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    match node, part:
        case yaml.SequenceNode(), int() if part < len(node.value):
            return node.value[part]  # type: ignore[no-any-return]  # yaml has no types for it
        case yaml.MappingNode(), str():
            return next((value for key, value in node.value if key.value == part), None)
        case _:
            return None
