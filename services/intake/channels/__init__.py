"""Channels by which requests arrive: email, CSV, protocols, webhooks."""
