"""A2A 1.0 (and 0.3 at the same address): agent cards, messages, streams and tasks over JSON-RPC."""
