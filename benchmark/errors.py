"""The one error that a user is meant to read: what, where, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SplatbenchError(Exception):
    """A problem the user can mend; its text is one line, shown without a traceback."""


class InputError(SplatbenchError, ValueError):
    """Something given to us (a file, a name, a value) cannot be used."""


class MissingError(SplatbenchError):
    """Something needed is not installed or not on this machine; the text says how to get it."""


class CellError(SplatbenchError):
    """A cell cannot be finished; its record says `failed` with this reason, other cells go on."""


def nearest(name: str, known: Iterable[str]) -> str:
    """``": did you mean 'a' or 'b'?"`` for a name that is almost one of ``known``, else all of them if they are few."""
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    if close:
        return ": did you mean " + " or ".join(f"'{match}'" for match in close) + "?"
    return f": choose from {', '.join(names)}" if len(names) <= 12 else ""
