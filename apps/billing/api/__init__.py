"""API of billing."""
