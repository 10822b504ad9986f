"""Trails of cases: the record of a request, signed for an authority."""
