"""Holds a data map against the databases it speaks of: what ``habeas map check`` tells."""

from services.fulfillment.map_check.comparison import check

__all__ = ["check"]
