"""Sheets of requests, as a support desk exports them: each row is one."""
