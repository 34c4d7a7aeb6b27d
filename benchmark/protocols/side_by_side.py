"""Protocols side by side: every value in which they differ, with the quirk that it keeps or mends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from benchmark.protocols.quirks import quirk_of

WORDS = frozenset({"name", "description"})


@dataclass(frozen=True)
class Difference:
    """A value that is not the same in all protocols.

    Attributes
    ----------
    path
        Names from the protocol down, with dots.
    values
        One a protocol, in their order; a part that is absent in one of them is None there and whole elsewhere.
    quirk
        Number of the quirk, or an empty string.
    """

    path: str
    values: tuple[Any, ...]
    quirk: str


def differences(protocols: Sequence[Any]) -> list[Difference]:
    """All values in which protocols of one track differ, in the order of their definition."""
    return list(_below(protocols, ""))


def _below(parts: Sequence[Any], above: str) -> Iterator[Difference]:
    for part in fields(parts[0]):
        values = tuple(getattr(each, part.name) for each in parts)
        path = f"{above}{part.name}"
        if part.name in WORDS or all(value == values[0] for value in values):
            continue
        if all(is_dataclass(value) for value in values):
            yield from _below(values, f"{path}.")
        else:
            yield Difference(path, values, quirk_of(part))
