"""`Page`: what the build writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Page:
    """A file of the site, and the template and values that make it."""

    path: str
    template: str
    values: Mapping[str, Any]
