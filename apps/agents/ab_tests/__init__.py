"""A/B tests of an agent's versions: who gets which version, and what the answers tell about them. Pure computation."""
