"""The style that all pages of a company share."""

from pathlib import Path

STYLES = Path(__file__).parent / "templates"
"""Folder of the template ``base.css``."""
