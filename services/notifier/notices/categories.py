"""What the breached data is called in a notice, and what of it calls for advice of its own. Pure."""

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType

from shared.categories import called
from shared.wording import Words
from shared.wording import mark as _


class Kind(Enum):
    """Data that the law wants people to be told something particular about; each with its categories."""

    SECRETS = ("user.authorization",)
    IDENTITY_NUMBERS = (
        "user.government_id.national_identification_number",
        "user.government_id.drivers_license_number",
    )
    """Cal. Civ. Code § 1798.82(d)(2)(F): number of social security, driver's license, identification card."""
    FEATURES = ("user.biometric", "user.authorization.biometric")


IN_THE_US: Mapping[str, str] = MappingProxyType(
    {
        "user.government_id.national_identification_number": _("Social Security number"),
        "user.government_id.drivers_license_number": _(
            "Driver’s license or state identification card number"
        ),
    }
)
"""What numbers are called where a notice goes to somebody in the United States."""


def concern(categories: Iterable[str], kind: Kind) -> bool:
    """
    Tell whether data of *categories* may be of *kind*.

    A category that covers the kind is taken for it: who declares government numbers without saying which may
    mean those of social security.
    """
    return any(_alike(category, wanted) for category in categories for wanted in kind.value)


def names(categories: Iterable[str], words: Words, *, american: bool = False) -> tuple[str, ...]:
    """Return what *categories* are called, each name once."""
    return tuple(dict.fromkeys(_name(category, words, american) for category in categories))


def _alike(category: str, wanted: str) -> bool:
    return f"{category}.".startswith(f"{wanted}.") or f"{wanted}.".startswith(f"{category}.")


def _name(category: str, words: Words, american: bool) -> str:
    if american and category in IN_THE_US:
        return words.say(IN_THE_US[category])
    return called(category, words.language) or _spelt(category)


def _spelt(category: str) -> str:
    """Return a category that a map added as words: ``loyalty.shoe_size`` gives ``Shoe size``."""
    return category.rpartition(".")[2].replace("_", " ").capitalize()
