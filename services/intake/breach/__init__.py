"""The register of breaches: phases, clocks, approvals and the release of notices."""
