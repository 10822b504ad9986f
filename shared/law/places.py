"""Places of residence, which choose the law. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from babel import Locale

NO_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})
"""Codes of two letters that are no country's: parts, groups, and those for tests."""
CODE = re.compile("[A-Z]{2}")
_STATES = (
    "AL Alabama,AK Alaska,AZ Arizona,AR Arkansas,CA California,CO Colorado,CT Connecticut,DE Delaware,"
    "DC District of Columbia,FL Florida,GA Georgia,HI Hawaii,ID Idaho,IL Illinois,IN Indiana,IA Iowa,"
    "KS Kansas,KY Kentucky,LA Louisiana,ME Maine,MD Maryland,MA Massachusetts,MI Michigan,MN Minnesota,"
    "MS Mississippi,MO Missouri,MT Montana,NE Nebraska,NV Nevada,NH New Hampshire,NJ New Jersey,"
    "NM New Mexico,NY New York,NC North Carolina,ND North Dakota,OH Ohio,OK Oklahoma,OR Oregon,"
    "PA Pennsylvania,RI Rhode Island,SC South Carolina,SD South Dakota,TN Tennessee,TX Texas,UT Utah,"
    "VT Vermont,VA Virginia,WA Washington,WV West Virginia,WI Wisconsin,WY Wyoming"
)
_PROVINCES = (
    "AB Alberta,BC British Columbia,MB Manitoba,NB New Brunswick,NL Newfoundland and Labrador,"
    "NT Northwest Territories,NS Nova Scotia,NU Nunavut,ON Ontario,PE Prince Edward Island,QC Québec,"
    "SK Saskatchewan,YT Yukon"
)


def _parts(country: str, listed: str) -> Mapping[str, str]:
    pairs = (one.partition(" ") for one in listed.split(","))
    return MappingProxyType({f"{country}-{code}": name for code, _, name in pairs})


SUBDIVISIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"US": _parts("US", _STATES), "CA": _parts("CA", _PROVINCES)}
)
"""Country with parts that have privacy laws → ISO 3166-2 code → name, as it is called there."""


@lru_cache(maxsize=64)
def countries(locale: Locale) -> Mapping[str, str]:
    """Return the code and the name of every country in the language of *locale*, in its order."""
    names = {
        code: str(name)
        for code, name in locale.territories.items()
        if CODE.fullmatch(code) and code not in NO_COUNTRIES
    }
    return MappingProxyType(dict(sorted(names.items(), key=lambda one: folded(one[1]))))


def folded(name: str) -> str:
    """Return *name* as it is sorted and compared: neither case nor an accent makes a difference."""
    parts = unicodedata.normalize("NFKD", name)
    return "".join(one for one in parts if not unicodedata.combining(one)).casefold()
