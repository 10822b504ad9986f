"""Fixtures of the attack tests: the running product, as the integration tests use it."""

from tests.integration.conftest import browser, ends

__all__ = ["browser", "ends"]
