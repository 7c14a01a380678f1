"""Stripe, through its own client: the only place that talks to it. No call belongs inside a transaction."""
