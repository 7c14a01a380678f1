"""Python client of the Sahara platform.

>>> from sahara import Client
>>> client = Client("https://platform.example", api_key="sk_…")
>>> for listing in client.marketplace.search("support", kind="agent"):
...     print(listing.name, listing.price)
"""

from sahara.client import Client
from sahara.errors import (
    ApiError,
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    PaymentRequired,
    RateLimited,
    SaharaError,
    TimedOut,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from sahara.models import Money
from sahara.waiting import wait_for

__version__ = "0.3.0"

__all__ = [
    "ApiError",
    "Client",
    "Conflict",
    "InvalidInput",
    "Money",
    "NotFound",
    "NotPermitted",
    "PaymentRequired",
    "RateLimited",
    "SaharaError",
    "TimedOut",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "wait_for",
]
