"""The words of the company in the examples of letters, in the language of the reader."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

WORDS = Path(__file__).with_suffix(".yaml")


@cache
def company_words(language: str) -> Mapping[str, str]:
    """Return the words of the company in *language*, by the English ones; empty if it has none."""
    content = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    if language not in content["order"]:
        return {}
    place = content["order"].index(language)
    return {english: others[place] for english, others in content["words"].items()}


def localized(value: Any, words: Mapping[str, str]) -> Any:
    """Return *value* with the *words* of the company in place of the English ones."""
    if isinstance(value, str):
        return words.get(value, value)
    if isinstance(value, tuple):
        return tuple(localized(one, words) for one in value)
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: localized(one, words) for name, one in value})
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{one.name: localized(getattr(value, one.name), words) for one in fields(value)}
        )
    return value
