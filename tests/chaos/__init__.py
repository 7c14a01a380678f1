"""Runs under kill -9: payouts on a chain that is reorganised, annotators over HTTP."""
