"""Comparison of a data map with its databases, for ``habeas map check``."""

from services.fulfillment.map_check.comparison import check

__all__ = ["check"]
