"""Money as integers: minor units with a currency, raw units with a token. Never mixed, never a float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

#: Decimals of each token that the platform pays in.
TOKEN_DECIMALS = {"TUSD": 6}

#: Raw token units in one minor unit (cent) of the currency that the token is pegged to.
TOKEN_UNITS_PER_MINOR = {"TUSD": 10_000}


def split_integer(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights`, to the last unit (largest remainder; ties go to the earlier part).

    Args:
        total: units to split, >= 0.
        weights: non-negative integers, at least one above 0.

    Returns:
        One integer a weight, each within 1 of the exact share, summing to `total`.

    Raises:
        ValueError: on a negative total or weight, or when all weights are 0.
    """
    if total < 0 or any(weight < 0 for weight in weights):
        raise ValueError("totals and weights are not negative")
    weight_sum = sum(weights)
    if weight_sum <= 0:
        raise ValueError("at least one weight is above 0")
    parts = [total * weight // weight_sum for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % weight_sum), i))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


@dataclass(frozen=True, slots=True)
class _Amount:
    """Shared arithmetic of the two kinds of amount; both sides must carry the same unit."""

    def _units(self) -> int:
        raise NotImplementedError

    def _unit(self) -> str:
        raise NotImplementedError

    def _with(self, units: int) -> Self:
        raise NotImplementedError

    def _other(self, other: object) -> int:
        if not isinstance(other, type(self)) or other._unit() != self._unit():
            raise TypeError(f"cannot combine {self!r} with {other!r}")
        return other._units()

    def __add__(self, other: object) -> Self:
        return self._with(self._units() + self._other(other))

    def __sub__(self, other: object) -> Self:
        return self._with(self._units() - self._other(other))

    def __mul__(self, factor: int) -> Self:
        if not isinstance(factor, int) or isinstance(factor, bool):
            raise TypeError("amounts are multiplied by integers only")
        return self._with(self._units() * factor)

    def __lt__(self, other: object) -> bool:
        return self._units() < self._other(other)

    def __le__(self, other: object) -> bool:
        return self._units() <= self._other(other)

    def __gt__(self, other: object) -> bool:
        return self._units() > self._other(other)

    def __ge__(self, other: object) -> bool:
        return self._units() >= self._other(other)

    def __bool__(self) -> bool:
        return self._units() != 0

    def split(self, weights: Sequence[int]) -> list[Self]:
        """Split in proportion to `weights`; the parts sum to the whole (see `split_integer`)."""
        return [self._with(part) for part in split_integer(self._units(), weights)]

    def fraction_bps(self, bps: int) -> Self:
        """The part of `bps` basis points, rounded up, so that a fee is never lost to rounding."""
        return self._with(-(-self._units() * bps // 10_000))


@dataclass(frozen=True, slots=True)
class Money(_Amount):
    """An amount in minor units (cents) of a currency (ISO 4217)."""

    minor: int
    currency: str = "USD"

    def _units(self) -> int:
        return self.minor

    def _unit(self) -> str:
        return self.currency

    def _with(self, units: int) -> Self:
        return type(self)(units, self.currency)

    def as_json(self) -> dict[str, Any]:
        """For the API: integers as strings."""
        return {"amount_minor": str(self.minor), "currency": self.currency}

    def to_token(self, token: str) -> TokenAmount:
        """The same value in a token pegged 1:1 to the currency."""
        return TokenAmount(self.minor * TOKEN_UNITS_PER_MINOR[token], token)

    def __str__(self) -> str:
        sign = "-" if self.minor < 0 else ""
        whole, cents = divmod(abs(self.minor), 100)
        symbol = {"USD": "$", "EUR": "€"}.get(self.currency)
        number = f"{whole:,}.{cents:02d}"
        return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {self.currency}"


@dataclass(frozen=True, slots=True)
class TokenAmount(_Amount):
    """An amount in raw units of a token on chain."""

    raw: int
    token: str

    def _units(self) -> int:
        return self.raw

    def _unit(self) -> str:
        return self.token

    def _with(self, units: int) -> Self:
        return type(self)(units, self.token)

    def as_json(self) -> dict[str, Any]:
        """For the API: integers as strings."""
        return {"amount_raw": str(self.raw), "token": self.token}

    def __str__(self) -> str:
        decimals = TOKEN_DECIMALS[self.token]
        sign = "-" if self.raw < 0 else ""
        whole, rest = divmod(abs(self.raw), 10**decimals)
        return f"{sign}{whole:,}.{str(rest).zfill(decimals)[:2]} {self.token}"


Amount = Money | TokenAmount
