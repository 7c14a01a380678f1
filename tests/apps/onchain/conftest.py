"""Fixtures of the chain's tests."""

from tests.apps.onchain.bridge_fixtures import driven

__all__ = ["driven"]
