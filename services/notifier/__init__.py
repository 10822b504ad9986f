"""Writes letters and hands them to a mail server."""
