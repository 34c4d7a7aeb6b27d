"""Errors of the zoo; each text is one line for a reader: what, where, and what to do next."""

from __future__ import annotations


class ZooError(Exception):
    """An entry cannot be registered or loaded."""


class UnknownEntry(ZooError, LookupError):
    """No entry has this name."""
