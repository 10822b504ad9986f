"""
A name as words: without titles, in the spellings of each system of transliteration. Pure.

The surname is known where a document says so, or a comma does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from shared.matching.characters import folded, listed
from shared.matching.transliteration import spellings

MOST_WORDS = 12
TITLES = listed(
    """
    mr mrs ms miss mx sir dame dr prof professor herr herrn frau fräulein dipl ing med mag m mme mlle
    monsieur madame mademoiselle sr sra srta don doña señor señora sig sigra signor signora dott
    dhr mevr mevrouw heer pan pani senhor senhora exmo exma
    """
)
"""Forms of address. They count before the name alone: Don is a given name, and M an initial."""
_DEGREES = frozenset({"phd", "md", "esq", "mba", "obe", "cpa"})
GENERATIONS = {"sr": 1, "senior": 1, "jr": 2, "junior": 2, "ii": 2, "iii": 3, "iv": 4}
PARTICLES = listed(
    """
    de del della di da do dos das du des la le las los lo van von der den dem ter ten te zu zum zur y e i
    el al af av
    """
)
"""Words of a surname that are often left out."""
_APART = re.compile(r"[^\w'’`´ʼʹ\"]+|_+")  # noqa: RUF001 - the apostrophes that people type
_INSIDE = re.compile(r"['’`´ʼʹ\"]+")  # noqa: RUF001 - the same


@dataclass(frozen=True, eq=False)
class Word:
    """One word of a name; equal to itself alone, since a name may have a word twice."""

    text: str
    surname: bool | None = None
    """Whether it belongs to the surname; None if the name does not show it."""

    @cached_property
    def spelled(self) -> tuple[str, ...]:
        """Return it in small letters a to z, by each system."""
        return spellings(self.text)

    @cached_property
    def forms(self) -> frozenset[str]:
        """Return its different spellings."""
        return frozenset(self.spelled) - {""}

    @property
    def whole(self) -> bool:
        """Whether it is a name: no initial, no particle."""
        return self.text not in PARTICLES and not self.initial

    @property
    def initial(self) -> bool:
        """Whether it is a single letter in place of a name."""
        return len(self.text) == 1 and all(len(form) == 1 and form.isascii() for form in self.forms)


@dataclass(frozen=True)
class PersonName:
    """A person's name, in parts where they are known."""

    surname: str = ""
    given_names: str = ""
    """All names in one if the surname is unknown: *surname* is then empty."""
    truncated: bool = False
    """Whether the last names may be cut or missing, as on documents with little room."""

    @classmethod
    def of(cls, name: str | PersonName) -> PersonName:
        """Return *name* in parts. ``Surname, Given`` has both; other text is a given name alone."""
        if isinstance(name, PersonName):
            return name
        surname, _, given = name.partition(",")
        names = [word for word in split(given) if word not in GENERATIONS and word not in _DEGREES]
        return cls(surname, given) if names and split(surname) else cls("", name)

    @property
    def text(self) -> str:
        """Return it as it was written."""
        return f"{self.given_names} {self.surname}".strip()

    @cached_property
    def is_split(self) -> bool:
        """Whether it shows which of its words is the surname."""
        return any(word.surname for word in self.words)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """Return its words, given names first, without titles and generations."""
        surnames = _names(self.surname, least=1)
        given = _names(self.given_names, least=1 if surnames else 2)
        role = False if surnames else None
        return (
            *(Word(text, role) for text in given[:MOST_WORDS]),
            *(Word(text, surname=True) for text in surnames[:MOST_WORDS]),
        )

    @cached_property
    def generation(self) -> int:
        """Return 1 for senior, 2 for junior and so on; 0 where it says nothing."""
        later = (*split(self.given_names)[1:], *split(self.surname)[1:])
        return next((GENERATIONS[word] for word in later if word in GENERATIONS), 0)


def split(text: str) -> list[str]:
    """Return the words of *text* in small letters. An apostrophe is inside a word, a hyphen between two."""
    small = folded(text).replace("i\u0307", "i")  # of a Turkish İ
    return [word for part in _APART.split(small) if (word := _INSIDE.sub("", part))]


def _names(text: str, *, least: int) -> list[str]:
    words = split(text)
    while len(words) > least and words[0] in TITLES:
        words = words[1:]
    later = [word for word in words[1:] if word not in GENERATIONS and word not in _DEGREES]
    return [*words[:1], *later]


_TABLE = """
alexander: alex al sandy sasha aleks xander lex
alexandra: alex sandra sandy sasha ola lexi
alfonso: alonso poncho
andreas: andi
andrew: andy drew
anna: annie anni ania anja anya anika
anthony: tony
antonio: tony toni toño
barbara: barb babs basia
benjamin: ben benny benji
catherine: cathy kate katie kitty cat
charles: charlie chuck chas
christian: chris
christina: chris tina chrissy christel
christopher: chris kit topher
daniel: dan danny
david: dave davy
deborah: deb debbie
dmitrii: dima mitya
dorothy: dot dottie dolly
edward: ed eddie ted ned
elena: lena
elisabeth: lisa lisbeth elsa else liesel betty
elizabeth: liz lizzie beth betty eliza libby
ernest: ernie
eugene: gene
evgenii: zhenya
ewa: ewka
florian: flo
francesca: franca
francesco: franco cecco
francis: frank fran
francisco: paco pancho curro
franciszek: franek
franz: franzl
frederick: fred freddie
friedrich: fritz
gabriele: gabi
georg: schorsch
georgios: giorgos yorgos
gerald: gerry jerry
gertrud: trudi
giovanna: gianna
giovanni: gianni vanni
giuseppe: beppe peppe pino
gregory: greg
guadalupe: lupe
guillermo: memo
hans: hansi
helen: nell nellie
henry: harry hank hal
ignacio: nacho
ioannis: giannis yannis
isabel: isa
ivan: vanya
jacob: jake
jacqueline: jackie
james: jim jimmy jamie
jan: janek
jennifer: jen jenny
jesus: chucho
jerzy: jurek
joanna: asia
johann: hans hannes
johannes: hans hannes jan
john: jack johnny jon
jose: pepe
josef: sepp jupp
joseph: joe joey
juergen: jogi
juliusz: julek
karl: kalle
katarzyna: kasia
katharina: kathi kaethe katja
katherine: kate katie kathy kitty
klaus: klausi
konstantinos: kostas
krzysztof: krzysiek
lawrence: larry
leonard: leo lenny
louis: lou
luigi: gigi
magdalena: lena magda
malgorzata: gosia
manfred: manni
manuel: manolo
margaret: maggie meg peg peggy greta
margarete: grete greta gretel
maria: mia marie mitzi maryla
matthew: matt
maximilian: max
mercedes: merche
michael: mike mick mickey michi
mikhail: misha
nathaniel: nate nat
nicholas: nick nicky
nikolai: kolya
nikolaos: nikos
nikolaus: klaus nick niko
olga: olya
pamela: pam
patricia: pat patty trish tricia
patrick: pat paddy
peter: pete petey
philip: phil pip
pilar: pili
raymond: ray
rebecca: becky
reinhard: reini
richard: dick rick ricky rich
robert: bob bobby rob robbie bert
roland: rolli
ronald: ron ronnie
rosario: charo
salvatore: toto turi
samantha: sam
samuel: sam sammy
sergio: checo
stanislaw: staszek
stefan: steffen
stephen: steve
steven: steve
susan: sue susie suzy
theodor: theo
theodore: ted teddy theo
theresa: terry tess resi
thomas: tom tommy
timothy: tim
tomasz: tomek
ulrich: uli
victoria: vicky tori
vincent: vince vinny
vladimir: vova volodya
volodymyr: vova volodia
walter: walt wally
wilhelm: willi willy helmut
william: bill billy will willie liam
wojciech: wojtek
wolfgang: wolf wolfi
yekaterina: katya
zbigniew: zbyszek
zuzanna: zuzia
"""
"""Name in the papers → nicknames: a doubt, never a match."""


def _read(table: str) -> dict[str, frozenset[str]]:
    """Return each name of *table* with the names it may stand for, itself among them."""
    meant: dict[str, set[str]] = {}
    for line in table.split("\n"):
        name, _, short = line.partition(":")
        for one in (name, *short.split()):
            meant.setdefault(one, {one}).add(name)
    return {one: frozenset(names) - {""} for one, names in meant.items()}


_MEANT = MappingProxyType(_read(_TABLE))


def names_meant(word: str) -> frozenset[str]:
    """Return the names that *word*, in small letters a to z, may stand for; itself among them."""
    return _MEANT.get(word, frozenset({word}))
