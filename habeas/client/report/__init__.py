"""The register of requests, and statutory figures (docs/reference/register.md)."""
