"""The register of requests, and statutory figures (docs/register.md)."""
