"""Reads the mask of a field, and fits it to the field's declared length."""

from collections.abc import Mapping

from services.fulfillment.datamap.model import Masking
from services.fulfillment.datamap.yaml_loader import KnownKeys, MapFindings

STRATEGIES = frozenset(
    {
        "null_rewrite",
        "string_rewrite",
        "random_string_rewrite",
        "hash",
        "hmac",
        "truncate",
        "year",
        "email",
        "phone",
        "delete",
        "preserve",
    }
)
"""Strategies (``preserve``: no mask); beyond Fides': truncate, year, email, phone."""
DIGITS = {"hash": 64, "hmac": 64}
"""Characters of a mask with a variable length."""
_RANDOM = 30


def read_masking(meta: KnownKeys, length: int | None, notes: MapFindings) -> Masking | None:
    """
    Return the mask in ``masking_strategy_override``.

    Args:
        meta: The keys around it.
        length: The most characters of the field, if the map declares it.
        notes: Collects unsupported declarations.
    """
    keys = meta.within("masking_strategy_override", of="`masking_strategy_override`")
    if keys is None:
        return None
    node = keys.take("configuration")
    plain = None if node is None else node.plain()
    strategy = _strategy(keys, notes)
    keys.done()
    if strategy is None:
        return None
    masking = Masking(strategy, plain if isinstance(plain, dict) else {})
    return masking if length is None else _fitted(masking, length, keys.where, notes)


def _strategy(keys: KnownKeys, notes: MapFindings) -> str | None:
    if keys.peek("strategy") != "aes_encrypt":
        return keys.choice("strategy", STRATEGIES)
    what = "`aes_encrypt` could be undone, which is no erasure"
    notes.remark(keys.where, what, "the field becomes null instead")
    keys.ignored("strategy")
    return "null_rewrite"


def _fitted(masking: Masking, length: int, where: str, notes: MapFindings) -> Masking:
    """Return *masking* with texts of at most *length* characters, suffix included."""
    room = length - len(_suffix(masking))
    match masking.strategy:
        case "random_string_rewrite" if room > 0:
            wanted = masking.configuration.get("length")
            longest = min(wanted if isinstance(wanted, int) else _RANDOM, room)
            return Masking(masking.strategy, {**masking.configuration, "length": longest})
        case "string_rewrite" if room > 0:
            text = str(masking.configuration.get("rewrite_value", "MASKED"))[:room]
            return Masking(masking.strategy, {**masking.configuration, "rewrite_value": text})
        case strategy if room < DIGITS.get(strategy, 0) or room <= 0:
            what = f"a mask by `{strategy}` is longer than the `length: {length}` of the field"
            notes.remark(where, what, "use `random_string_rewrite`, which is cut to it")
    return masking


def _suffix(masking: Masking) -> str:
    preservation = masking.configuration.get("format_preservation")
    suffix = preservation.get("suffix") if isinstance(preservation, Mapping) else None
    return str(suffix or "")
