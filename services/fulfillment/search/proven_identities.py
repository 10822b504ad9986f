"""
The identities of a request that may be believed to be the requester's. Pure.

The proof of a mailbox proves that mailbox alone: a stranger's telephone number in the same request must not
open the stranger's records. An identity that is not proven counts only where a record found by the proven
ones holds it; the search finds that out.
"""

from collections.abc import Collection as Many

from services.fulfillment.datamap.graph import EMAIL, graph_of
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.search.identities import PHONE, Identities, identities_of
from shared.contract.events import RequestSubmitted

PREFERRED = (EMAIL, PHONE)
"""Identities that claimed data points are looked up by, in this order of preference."""


def stated_identities(submitted: RequestSubmitted, data_map: DataMap) -> Identities:
    """Return the identities in the request that *data_map* knows."""
    residence = submitted.residence
    identities = identities_of(submitted.subject, country=residence.country if residence else None)
    known = graph_of(data_map).entries
    return {name: spellings for name, spellings in identities.items() if name in known}


def proven_identities(submitted: RequestSubmitted, names: Many[str], data_map: DataMap) -> Identities:
    """Return the identities of *names* alone."""
    return {
        name: spellings for name, spellings in stated_identities(submitted, data_map).items() if name in names
    }


def vouched_identities(submitted: RequestSubmitted, data_map: DataMap) -> Identities:
    """
    Return the identities that a trusted source proves by naming them.

    People type their own telephone number into an account. So it is a claim beside any other identity, and
    counts only where the source names the person by it alone.
    """
    identities = stated_identities(submitted, data_map)
    return {name: spellings for name, spellings in identities.items() if name != PHONE} or identities


def identity_to_look_up(submitted: RequestSubmitted, data_map: DataMap) -> Identities:
    """Return the one identity by which claimed data points are looked up: several may be several people's."""
    names = stated_identities(submitted, data_map)
    first = next((name for name in (*PREFERRED, *sorted(names)) if name in names), None)
    return {} if first is None else proven_identities(submitted, (first,), data_map)
