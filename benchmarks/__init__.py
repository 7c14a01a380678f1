"""Measurements behind the README's claims: each reports a ratio against a limit or a peer taken in the same run."""
