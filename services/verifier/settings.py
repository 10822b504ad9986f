"""What the verifier alone needs to be told."""

from shared.settings import Settings


class VerifierSettings(Settings):
    """Settings of the verifier."""

    trusted_sources: frozenset[str] = frozenset()
    """Upstream systems whose log-in counts as proof of identity: JSON list of CloudEvents sources."""
