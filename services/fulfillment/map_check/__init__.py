"""Comparison of a data map with its databases, for ``habeas map check``."""

from services.fulfillment.map_check.comparison import MapCoverage, check, coverage

__all__ = ["MapCoverage", "check", "coverage"]
