"""Random people from fifteen countries, grouped into organisations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from mimesis import Address, Locale
from mimesis import Person as Names

from habeas.embedded.company.people import ADA, BRUNO, YEAR, DemoCustomer, DemoPerson, Dice, Organisation

__all__ = ["organisations"]

MAIL_DOMAINS = ("example.com", "example.org", "example.net")
POOL = 200
"""Names and addresses drawn per country, once; people are combinations of them."""


@dataclass(frozen=True, slots=True)
class Country:
    """A country, and its telephone numbers without subscribers (``#`` = any digit)."""

    code: str
    locale: Locale
    weight: int
    phones: tuple[str, ...] = ()

    @property
    def language(self) -> str:
        return self.locale.value[:2]


US_AREAS = (202, 206, 212, 303, 305, 312, 404, 408, 512, 617, 702, 808)
COUNTRIES = (
    Country("US", Locale.EN, 20, tuple(f"+1 {area} 555 01##" for area in US_AREAS)),
    Country("DE", Locale.DE, 16, ("+49 30 23125 ###", "+49 69 90009 ###", "+49 89 99998 ###")),
    Country("GB", Locale.EN_GB, 12, ("+44 20 7946 0###", "+44 161 496 0###", "+44 7700 900###")),
    Country("FR", Locale.FR, 9, ("+33 1 99 00 ## ##",)),
    Country("AU", Locale.EN_AU, 5, ("+61 2 5550 ####",)),
    Country("SE", Locale.SV, 4, ("+46 8 465 004 ##", "+46 31 390 06 ##", "+46 40 628 04 ##")),
    # No range is set aside for fiction in these: their people gave no number.
    Country("ES", Locale.ES, 6),
    Country("MX", Locale.ES_MX, 3),
    Country("IT", Locale.IT, 5),
    Country("NL", Locale.NL, 5),
    Country("PL", Locale.PL, 4),
    Country("BR", Locale.PT_BR, 4),
    Country("CN", Locale.ZH, 3),
    Country("JP", Locale.JA, 3),
    Country("KR", Locale.KO, 2),
)

TRADES = (
    *("Analytics", "Broadcast", "Cloud", "Games", "Hosting"),
    *("Labs", "Logistics", "Media", "Retail", "Studios"),
)
COINED = (
    *("Alderbit", "Brimfold", "Corvane", "Dellmarch", "Estuval"),
    *("Fennoro", "Glimmerat", "Hollowick", "Ivernox"),
)


def _numbers(template: str) -> Iterator[str]:
    wildcards = template.count("#")
    pattern = template.replace("#", "{}")
    return (pattern.format(*f"{n:0{wildcards}d}") for n in range(10**wildcards))


class Population:
    """People of one country, no two with the same mailbox or telephone number."""

    def __init__(self, country: Country, dice: Dice, seed: int) -> None:
        names = Names(country.locale, seed=seed)
        places = Address(country.locale, seed=seed)
        self._country = country
        self._dice = dice
        self._phones = chain.from_iterable(map(_numbers, country.phones))
        self._firsts = [names.first_name() for _ in range(POOL)]
        self._lasts = [names.last_name() for _ in range(POOL)]
        self._streets = [places.address() for _ in range(POOL)]
        self._cities = [places.city().strip() for _ in range(POOL)]
        self._regions = [places.state() for _ in range(POOL)]
        self._postal_codes = [places.postal_code() for _ in range(POOL)]

    def person(self, number: int) -> DemoPerson:
        """Return a new person; *number* keeps the mailbox unique."""
        dice, country = self._dice, self._country
        first, last = dice.pick(self._firsts), dice.pick(self._lasts)
        return DemoPerson(
            first=first,
            last=last,
            email=f"{_mailbox(first, last)}{number}@{dice.pick(MAIL_DOMAINS)}",
            phone=next(self._phones, None) if dice.chance(0.8) else None,
            street=dice.pick(self._streets),
            city=dice.pick(self._cities),
            region="California" if country.code == "US" and dice.chance(0.4) else dice.pick(self._regions),
            postal_code=dice.pick(self._postal_codes),
            country=country.code,
            language=country.language,
            born=_midnight(dice.moment(dice.now - 75 * YEAR, dice.now - 19 * YEAR)),
        )


def organisations(dice: Dice, customers: int, *, seed: int) -> Iterator[Organisation]:
    """Yield accounts until they have *customers* people; the first is the one Ada and Bruno share."""
    populations = [Population(country, dice, seed) for country in COUNTRIES]
    weighted = [p for p, country in zip(populations, COUNTRIES, strict=True) for _ in range(country.weight)]
    taken = 0
    for number in range(1, customers + 1):
        size = min(4 if number == 1 else dice.between(1, 5), customers - taken)
        if size == 0:
            return
        strangers = (dice.pick(weighted).person(taken + place) for place in range(1, size + 1))
        people = [ADA, BRUNO, *strangers][:size] if number == 1 else list(strangers)
        yield _organisation(number, people, dice, first_number=taken + 1)
        taken += size


def _organisation(
    number: int, people: Sequence[DemoPerson], dice: Dice, *, first_number: int
) -> Organisation:
    # The leading people were there early enough for an invoice older than any duty to keep it.
    since = dice.now - 12 * YEAR if number == 1 else dice.moment(dice.now - 12 * YEAR, dice.now - YEAR / 12)
    since = since.replace(microsecond=0)
    return Organisation(
        number=number,
        name=f"{dice.pick(COINED)} {dice.pick(TRADES)} {number}",
        account_id=dice.object_id(since),
        since=since,
        people=tuple(
            _customer(person, first_number + place, since, dice, pays=place == 0 or dice.chance(0.85))
            for place, person in enumerate(people)
        ),
    )


def _customer(person: DemoPerson, number: int, since: datetime, dice: Dice, *, pays: bool) -> DemoCustomer:
    leading = person in (ADA, BRUNO)
    joined = since if leading else dice.moment(since)
    return DemoCustomer(person, 100_000 + number, dice.object_id(joined), joined, pays or leading)


def _mailbox(first: str, last: str) -> str:
    """Return the ASCII part of a name, or a neutral word for scripts that have none."""
    plain = "".join(c for c in f"{first}.{last}".lower() if c.isascii() and (c.isalnum() or c == "."))
    return plain.strip(".") or "customer"


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
