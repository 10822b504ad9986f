"""Webhooks of platforms: Shopify, Meta, Sign in with Apple, and whoever sends security events (RFC 8935)."""
