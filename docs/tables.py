"""Tables of the documentation, made from the code: `python docs/tables.py` writes them, a test holds that none is stale.

A page holds `<!-- table: NAME -->` and `<!-- end of table -->`; what stands between is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from benchmark.feat2gs.modes import BASELINES, MODES
from benchmark.lrf.modes import IMAGE_BASELINES
from benchmark.lrf.modes import MODES as LATENT_MODES
from benchmark.metrics.table import METRICS
from benchmark.protocols import LATENT_PROTOCOLS, PROTOCOLS
from benchmark.protocols.quirks import QUIRKS
from benchmark.protocols.side_by_side import differences
from benchmark.scenes.spec import list_datasets
from benchmark.studies import STUDIES
from vfm_zoo import registry

DOCS = Path(__file__).parent
TABLE = re.compile(r"<!-- table: (?P<name>[a-z-]+) -->\n.*?<!-- end of table -->", re.DOTALL)
COMPARED = ("paper", "strict", "lite")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; bars inside of cells are escaped."""
    lines = [columns, ["---"] * len(columns), *([_text(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def entries() -> str:
    """Every extractor of the registry."""
    rows = [
        [
            f"`{entry.name}`",
            entry.kind,
            entry.title,
            entry.channels,
            entry.stride,
            entry.licence.spdx,
            _weights(entry.weights),
        ]
        for entry in registry.list_entries()
        if registry.source_of(entry.name).startswith("vfm_zoo.")
    ]
    return table(["name", "kind", "title", "channels", "stride", "licence of the weights", "weights"], rows)


def autoencoders() -> str:
    """Every autoencoder of the registry."""
    rows = [
        [f"`{entry.name}`", entry.title, entry.channels, entry.downscale, entry.licence.spdx, _weights(entry.weights)]
        for entry in registry.list_autoencoders()
        if registry.source_of(entry.name).startswith("vfm_zoo.")
    ]
    return table(["name", "title", "channels", "downscale", "licence of the weights", "weights"], rows)


def baselines() -> str:
    """Rows that are no model."""
    rows = [[f"`{name}`", "Feat2GS", baseline.title] for name, baseline in BASELINES.items()]
    rows += [[f"`{name}`", "LRF", baseline.title] for name, baseline in IMAGE_BASELINES.items()]
    return table(["name", "track", "what it is"], rows)


def datasets() -> str:
    """Every dataset file, with its named splits."""
    rows = [
        [
            f"`{spec.name}`",
            spec.title,
            {"nvs": "views", "geometry": "3-D", "both": "views, 3-D"}[spec.task],
            len(spec.scenes),
            spec.licence.spdx,
        ]
        for spec in list_datasets()
    ]
    return table(["name", "title", "judged by", "scenes", "licence"], rows)


def metrics() -> str:
    """The one table of metrics."""
    rows = [[f"`{m.name}`", m.title, {"higher": "↑", "lower": "↓"}[m.better], m.unit, m.note] for m in METRICS.values()]
    return table(["name", "printed as", "better", "unit", "what it is"], rows)


def modes() -> str:
    """Modes of both tracks."""
    rows = [
        [f"`{name}`", "Feat2GS", f"reads out {', '.join(mode.read) or 'nothing: baselines'}"]
        for name, mode in MODES.items()
    ]
    rows += [[f"`{name}`", "LRF", mode.title] for name, mode in LATENT_MODES.items()]
    return table(["name", "track", "what it does"], rows)


def protocols() -> str:
    """All protocols and variations."""
    rows = [[f"`{p.name}`", "Feat2GS", p.version, p.seeds, p.description] for p in PROTOCOLS.values()]
    rows += [[f"`{p.name}`", "LRF", p.version, p.seeds, p.description] for p in LATENT_PROTOCOLS.values()]
    return table(["name", "track", "version", "seeds", "description"], rows)


def protocol_differences() -> str:
    """Every value of the first track in which `paper`, `strict` and `lite` differ."""
    rows = [
        [f"`{found.path}`", *(_value(value) for value in found.values), found.quirk]
        for found in differences([PROTOCOLS[name] for name in COMPARED])
    ]
    return table(["value", *COMPARED, "quirk"], rows)


def latent_protocol_differences() -> str:
    """The same for the second track."""
    rows = [
        [f"`{found.path}`", *(_value(value) for value in found.values)]
        for found in differences([LATENT_PROTOCOLS[name] for name in COMPARED])
    ]
    return table(["value", *COMPARED], rows)


def quirks() -> str:
    """The ledger."""
    rows = [[number, quirk.published, quirk.here] for number, quirk in QUIRKS.items()]
    return table(["quirk", "the published code", "here"], rows)


def studies() -> str:
    """Named sets of cells."""
    return table(["name", "what it shows"], [[f"`{study.name}`", study.description] for study in STUDIES.values()])


TABLES: dict[str, Callable[[], str]] = {
    "entries": entries,
    "autoencoders": autoencoders,
    "baselines": baselines,
    "datasets": datasets,
    "metrics": metrics,
    "modes": modes,
    "protocols": protocols,
    "protocol-differences": protocol_differences,
    "latent-protocol-differences": latent_protocol_differences,
    "quirks": quirks,
    "studies": studies,
}


def rewritten(text: str) -> str:
    """A page with its tables made anew; an unknown name is an error."""
    return TABLE.sub(
        lambda match: f"<!-- table: {match['name']} -->\n\n{TABLES[match['name']]()}\n\n<!-- end of table -->", text
    )


def _weights(weights: registry.Weights | None) -> str:
    if weights is None:
        return "none"
    return {"pypi": "package index", "hub": "hub", "web": "web"}[weights.source]


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return ", ".join(_value(part) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return "; ".join(f"{name} {_value(part)}" for name, part in asdict(value).items())
    return str(value)


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


if __name__ == "__main__":
    for page in sorted(DOCS.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        if (after := rewritten(before)) != before:
            page.write_text(after, encoding="utf-8")
