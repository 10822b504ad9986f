"""Names of the breached data in a notice. Pure."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from shared.pages.categories import called
from shared.pages.translation import Words
from shared.pages.translation import mark as _

IN_THE_US: Mapping[str, str] = MappingProxyType(
    {
        "user.government_id.national_identification_number": _("Social Security number"),
        "user.government_id.drivers_license_number": _(
            "Driver's license or state identification card number"
        ),
    }
)
"""Names of numbers in notices to recipients in the United States."""


def names(categories: Iterable[str], words: Words, *, american: bool = False) -> tuple[str, ...]:
    """Return the names of *categories*, each once."""
    return tuple(dict.fromkeys(_name(category, words, american) for category in categories))


def _name(category: str, words: Words, american: bool) -> str:
    if american and category in IN_THE_US:
        return words.say(IN_THE_US[category])
    return called(category, words.language) or spelt(category)


def spelt(category: str) -> str:
    """Return a category that a map added as words: ``loyalty.shoe_size`` gives ``Shoe size``."""
    return category.rpartition(".")[2].replace("_", " ").capitalize()
