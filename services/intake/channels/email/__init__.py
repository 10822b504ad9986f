"""Requests that come by mail: what is read in a mail, what it asks for, and what becomes of it."""
