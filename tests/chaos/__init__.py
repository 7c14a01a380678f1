"""Payouts under kill -9, reorganisations and a faulty node: `python -m tests.chaos.payouts`."""
