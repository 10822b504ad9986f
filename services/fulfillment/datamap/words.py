"""Keys that datasets, collections and fields have in common."""

from services.fulfillment.datamap.model import Facts
from services.fulfillment.datamap.yaml_loader import KnownKeys, MapFindings

META = ("fides_meta", "fidesops_meta")
"""The key of Fides' declarations; the second is that of older files."""
BY_CATEGORIES = "the categories alone decide what is shown and erased"
AS_NAMED = "names of collections and fields are shown as they are"
AS_RETENTION = "say it as `meta: habeas: retention` of each collection"


def habeas_keys(keys: KnownKeys) -> KnownKeys | None:
    """Return the keys under ``meta: habeas:``; other keys under ``meta`` belong to other programs."""
    meta = keys.within("meta", of="`meta`")
    return None if meta is None else meta.within("habeas", of="`meta: habeas`")


def facts_of(keys: KnownKeys, inherited: Facts) -> Facts:
    """Return the facts under *keys*, by default those *inherited*."""
    recipients = tuple(str(row.value) for row in keys.texts("recipients"))
    return Facts(
        purpose=keys.text("purpose") or inherited.purpose,
        legal_basis=keys.text("legal_basis") or inherited.legal_basis,
        source=keys.text("source") or inherited.source,
        recipients=recipients or inherited.recipients,
        transfer=keys.text("transfer") or inherited.transfer,
    )


def categories_of(keys: KnownKeys, known: frozenset[str], notes: MapFindings) -> tuple[str, ...]:
    """Return the categories under *keys*; each must be one of *known*."""
    rows = keys.texts("data_categories")
    for row in rows:
        if row.value not in known:
            notes.flaw(
                row.where,
                f"unknown category `{row.value}`",
                "use one of Fides' taxonomy or declare it under `data_category:`",
            )
    return tuple(str(row.value) for row in rows)
