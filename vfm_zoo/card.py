"""What the card of an entry must say before its numbers can be ranked. No torch."""

from __future__ import annotations

import re

from vfm_zoo.entry import Entry
from vfm_zoo.errors import ZooError
from vfm_zoo.exposures import SEVEN

# SPDX identifiers in use; what SPDX does not list is a LicenseRef.
SPDX = {"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-NC-4.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"}


def problems(entry: Entry) -> list[str]:
    """What is missing or does not fit, one short sentence each; empty for a complete card."""
    learned = entry.kind == "learned"
    bare = [name for name in ("title", "family", "architecture", "supervision") if not getattr(entry, name)]
    spdx = entry.licence.spdx
    found = [f"`{name}` is empty" for name in bare]
    rules = {
        f"licence '{spdx}' is no known SPDX identifier; write LicenseRef-... for one that SPDX does not list": (
            spdx in SPDX or spdx.startswith("LicenseRef-")
        ),
        "the licence names no source": bool(entry.licence.source),
        "a non-commercial licence is marked as commercial": not (entry.licence.commercial and "-NC" in spdx),
        "`training_data` is 'none' for entries that learned nothing, and only for them": (
            (entry.training_data == "none") == (not learned)
        ),
        "a learned entry needs `weights`, or a `code_sha256` (an entry file makes its own)": (
            not learned or entry.weights is not None or bool(entry.code_sha256)
        ),
        "weights without a SHA-256 need a note that says why": (
            entry.weights is None or entry.weights.digest is not None or bool(entry.weights.note)
        ),
        "`parameters` is 0 for a learned entry": entry.parameters > 0 or not learned,
    }
    found += [text for text, holds in rules.items() if not holds]
    for dataset in SEVEN:
        exposure = entry.exposure(dataset)
        if exposure.state not in ("seen", "not seen", "unknown"):
            found.append(f"`trained_on` of {dataset} must be 'seen', 'not seen' or 'unknown'")
        elif learned and not exposure.source:
            found.append(f"`trained_on` does not say whether {dataset} was seen, with a source")
    try:
        if learned or entry.citation:
            fields = parse_bibtex(entry.citation)
            found += [f"the citation has no {name}" for name in ("title", "author", "year") if name not in fields]
            if not re.fullmatch(r"(19|20)\d\d", fields.get("year", "2000")):
                found.append("the citation's year is no year")
    except ZooError as error:
        found.append(str(error))
    return found


def parse_bibtex(text: str) -> dict[str, str]:
    """Fields of one BibTeX item whose values stand in braces.

    Raises
    ------
    ZooError
        Where it is none, or braces do not match.
    """
    item = re.fullmatch(r"@[a-z]+\{[\w:-]+,(.*)\}", text.strip(), flags=re.DOTALL)
    if item is None:
        raise ZooError("the citation is no BibTeX item with values in braces")
    body, fields = item.group(1), {}
    while body.strip(" ,\n"):
        start = re.match(r"\s*,?\s*(\w+)\s*=\s*\{", body)
        if start is None:
            raise ZooError(f"the citation cannot be read at {body.strip()[:20]!r}")
        depth, position = 1, start.end()
        while depth:
            if position == len(body):
                raise ZooError(f"the citation's braces do not match in {start.group(1)}")
            depth += {"{": 1, "}": -1}.get(body[position], 0)
            position += 1
        fields[start.group(1).lower()] = body[start.end() : position - 1]
        body = body[position:]
    return fields
