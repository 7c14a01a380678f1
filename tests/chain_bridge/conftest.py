"""Chain fixtures for the bridge's own tests."""

from tests.chain_bridge.chain_fixtures import anvil, chain, own_chain

__all__ = ["anvil", "chain", "own_chain"]
