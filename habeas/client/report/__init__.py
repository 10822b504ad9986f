"""The register of requests, and the figures that laws want published or kept (docs/register.md)."""
