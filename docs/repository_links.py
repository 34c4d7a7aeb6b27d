"""Links that lead out of `docs/` into the repository, which the site does not hold: on the site they become plain words.

On the forge they work as they are, and `make docs` is strict about every other link.
"""

from __future__ import annotations

import re
from typing import Any

# [words](../path) in a page, and [words](path) where a page lies in the repository's root.
OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\(\.\./[^)]+\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs calls this for each page."""
    return OUTSIDE.sub(r"\1", markdown)
