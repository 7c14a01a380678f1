"""Stripe Checkout for development, in front of localstripe (docs/adr: a stand-in, never used in production).

localstripe keeps payment intents, charges and refunds but knows no Checkout Sessions. This process adds them: the API
(`/v1/checkout/sessions`), the hosted payment page, the signed webhooks. Everything else is passed on.
"""
