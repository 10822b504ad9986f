"""Webhooks of platforms: Shopify, Meta, Sign in with Apple, and issuers of security events (RFC 8935)."""
