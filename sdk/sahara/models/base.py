"""The base of all answers, and amounts."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Money(Model):
    """An amount in minor units (cents)."""

    amount_minor: int
    currency: str = "USD"

    def __str__(self) -> str:
        sign = "-" if self.amount_minor < 0 else ""
        return f"{sign}{abs(self.amount_minor) // 100:,}.{abs(self.amount_minor) % 100:02d} {self.currency}"


class TokenAmount(Model):
    """An amount in raw units of a token (6 decimals)."""

    amount_raw: int
    token: str
