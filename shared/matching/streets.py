"""
Words of addresses in one spelling: kinds of street, directions, kinds of dwelling. Pure.

Source: USPS Publication 28, appendices B (directions), C1 (suffixes) and C2 (units); for other countries the
usual abbreviations. A word and its abbreviation become one short form, even where two words share it (*St* is
street and saint): the rest of the line distinguishes them.
"""

import re
from types import MappingProxyType

from shared.matching.characters import listed

_KINDS = """
aly: alley allee ally
av: avenue ave aven avda avd avenida aleja aleje al
blvd: boulevard boul bd bld bvd
br: bridge
byp: bypass
c: calle cl
cir: circle circ
cl: close
ct: court
cres: crescent cr
ch: chemin chem
dr: drive drv
est: estate estates
expy: expressway expwy
fwy: freeway
gdns: gardens gdn garden
gr: grove
hts: heights ht
hwy: highway hway
imp: impasse
jct: junction
ln: lane
lg: largo
mt: mount
os: osiedle
pso: paseo
pk: park
pkwy: parkway pkway
pl: place plaza plaz platz plein plac plz pza pzza piazza praca praça
qu: quai
r: rue rua
rd: road
rte: route
sq: square sqr
st: street str saint sankt strasse straat strada straße
ste: sainte
ter: terrace terr
trl: trail
tpke: turnpike
trav: travessa traverse
v: via
vle: viale
wg: weg
wy: way
1: first 1st
2: second 2nd
3: third 3rd
4: fourth 4th
5: fifth 5th
6: sixth 6th
7: seventh 7th
8: eighth 8th
9: ninth 9th
10: tenth 10th
"""
_DIRECTIONS = """
n: north nord noord
s: south sud süd zuid
e: east ost est oost
w: west ouest
ne: northeast
nw: northwest
se: southeast
sw: southwest
"""


def _read(table: str) -> dict[str, str]:
    forms = {}
    for line in table.strip().split("\n"):
        short, _, words = line.partition(":")
        forms.update(dict.fromkeys((short, *words.split()), short))
    return forms


KINDS = MappingProxyType(_read(_KINDS))
DIRECTIONS = MappingProxyType(_read(_DIRECTIONS))
STREET_FIRST = listed(
    """
    rue avenue av ave boulevard bd blvd place chemin allée allee impasse quai cours route rte square passage
    """
)
"""French kinds of street, before which the number stands, often with a comma between."""
FILL = listed(
    """
    de del della dei delle di da do dos das du des d la le les las los l the of der den het van von op ul
    ulica aan am an im in zu zum zur
    """
)
"""Small words that are left out as often as not."""
ENDINGS = re.compile(r"(?<=[^\W\d_]{3})(?:stra(?:ß|ss|b|β|f|8|s|fs)?e|straat|str)$")
"""Street at the end of a German or Dutch word, also as it is misread."""
UNIT = re.compile(
    r"(?ix) (?:^|(?<=[\s,/]))"
    r"(?: (?:apartment|apartamento|apart|apto|appartement|appart|appt|app|apt|unit|suite|flat|room|rm|lot|"
    r"wohnung|whg|top|stiege|lgh|igh|lejl|interno|int|lokal|lok|puerta|pta|piso|planta|boîte|boite|bte|bus|"
    r"scala|piano|andar|m\.|étage|etage|floor|fl|bât|bat|bâtiment|batiment|building|bldg|escalier|esc)"
    r" [\s.:#°º-]* (?:nr|no|n°)?\.?\s? (?P<behind>[a-z0-9]{1,5}) (?![\w])"
    r"| \# \s? (?P<hash>[a-z0-9]{1,6})"
    r"| (?P<before>\d{1,2}) \s? (?:[.°ºª]+|er|e|ème|eme|st|nd|rd|th) \s?"
    r" (?:og|stock|etage|étage|floor|piso|planta|andar"
    r"|(?P<door>[a-z](?![\w])|(?:izq|izda|dcha|dto|esq|der|tv|th|mf)\b))[^,]*"
    r"| (?<=\d\s)(?P<bare>\d{1,2}\s?(?:[a-h]|izda|izq|dcha|dch))$"
    r"| (?P<ground>eg|rdc|dg|rez-de-chauss[ée]e|ground\ floor|basement|bsmt) (?![\w]) )"
)
"""The kind and number of a dwelling in a house."""
CARE_OF = re.compile(r"(?i)^(?:c\s?/\s?o|z\.? ?h(?:d|\.d)\.?|attn\.?|p/a|t\.?a\.?v\.?|chez)(?:\b|(?<=\.)).*")
"""The owner of the letter box: no part of the address."""
COUNTRIES = listed(
    """
    deutschland germany allemagne france frankreich españa espana spain italia italy italien nederland
    netherlands holland polska poland portugal österreich osterreich austria schweiz suisse svizzera
    switzerland belgië belgique belgium usa canada ireland england scotland wales sverige sweden danmark
    denmark luxembourg uk
    """
) | {"united kingdom", "united states", "united states of america", "great britain", "the netherlands"}


def kind(word: str) -> str:
    """Return *word*, in small letters, in the form that its abbreviations share."""
    short = DIRECTIONS.get(word) or KINDS.get(word)
    return short if short is not None else ENDINGS.sub("st", word)
