"""Names that a cell's entry may have, and the registry's entries behind them. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.errors import InputError, nearest
from benchmark.protocols import Protocol
from vfm_zoo import registry
from vfm_zoo.registry import Entry

# Between the names of entries that are probed as one.
JOIN = "+"


def entries_of(name: str, protocol: Protocol) -> list[Entry]:
    """The registry entries that a cell's entry stands for, as the protocol takes them (Q9)."""
    return [registry.get_entry(part).chosen(protocol.choice) for part in name.split(JOIN)]


def expand_entries(patterns: Sequence[str], baselines: Sequence[str], ordered: bool = False) -> list[str]:
    """Names of entries and baselines, wildcards and aliases expanded, order kept, each once.

    Parameters
    ----------
    patterns
        Names, wildcards, or several names joined by ``+`` for one entry made of them.
    baselines
        Names that are no entries of the registry, and no part of a joined one.
    ordered
        Whether the order of joined names counts (`Concatenate.ordered`); else they are sorted.

    Raises
    ------
    InputError
        For a name that nothing matches, with the nearest ones.
    """
    names: list[str] = []
    for pattern in patterns:
        if JOIN in pattern:
            parts = list(dict.fromkeys(name for part in pattern.split(JOIN) for name in _matching(part, ())))
            matches = [JOIN.join(parts if ordered else sorted(parts))]
        else:
            matches = _matching(pattern, baselines)
        names += [name for name in matches if name not in names]
    return names


def _matching(pattern: str, baselines: Sequence[str]) -> list[str]:
    known = [*(entry.name for entry in registry.list_entries()), *baselines]
    matches = registry.matching(pattern, known)
    if matches:
        return matches
    try:
        return [registry.get_entry(pattern).name]
    except registry.UnknownEntry:
        raise InputError(
            f"entry '{pattern}' is unknown{nearest(pattern, known)}; see `splatbench list entries`"
        ) from None
