"""Cards: what the metadata handed to the build says of entries, datasets and protocols. Any field may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leaderboard.formats import KINDS, amount, flatten, text_of, web_link, words

Metadata = Mapping[str, Mapping[str, Any]]

ABSENT = "not stated"

_ENTRY_FACTS = {
    "family": "Family",
    "architecture": "Architecture",
    "parameters": "Parameters",
    "channels": "Channels",
    "stride": "Pixels a token",
    "tokens": "Tokens",
    "layer": "Layer",
    "supervision": "Supervision",
    "training_data": "Training data",
}
_DATASET_FACTS = {"task": "Task", "layout": "Layout", "version": "Version", "split_origin": "Split by"}


@dataclass(frozen=True)
class Fact:
    """A line of a card; ``href`` is an address of the web or empty."""

    name: str
    text: str
    href: str = ""


@dataclass(frozen=True)
class Exposure:
    """Whether an entry was trained on a dataset: ``seen``, ``not seen`` or ``unknown``."""

    dataset: str
    state: str
    source: str


@dataclass(frozen=True)
class Catalogue:
    """Metadata by name."""

    entries: Metadata
    datasets: Metadata
    protocols: Metadata

    def entry_title(self, name: str) -> str:
        """For people; the name where no title is known."""
        return text_of(self.entries.get(name, {}).get("title")) or name

    def dataset_title(self, name: str) -> str:
        """For people; the name where no title is known."""
        return text_of(self.datasets.get(name, {}).get("title")) or name

    def kind(self, entry: str, reference: bool = False) -> tuple[str, str]:
        """Words that mark an entry which is no model, and their meaning; empty for a model."""
        kind = "baseline" if reference else text_of(self.entries.get(entry, {}).get("kind"))
        if kind in ("", "learned"):
            return "", ""
        return KINDS.get(kind, (kind, ""))

    def measured_name(self, entry: str) -> str:
        """The registry's name of what a paper calls by another; the same name where nothing is said."""
        return text_of(self.entries.get(entry, {}).get("measured_as")) or entry

    def shape(self, entry: str, reference: bool = False) -> str:
        """Form of an entry's marks in a plot: disc, ring (no model), diamond (no readout)."""
        return "diamond" if reference else "ring" if self.kind(entry)[0] else "disc"

    def may_show_photographs(self, dataset: str) -> bool:
        """False where the licence is known to forbid passing images on."""
        licence = self.datasets.get(dataset, {}).get("licence")
        return not (isinstance(licence, Mapping) and licence.get("redistribute") is False)


def licence_fact(card: Mapping[str, Any]) -> Fact:
    """Licence with what it means for a user."""
    licence = card.get("licence")
    if not isinstance(licence, Mapping):
        return Fact("Licence", text_of(licence) or ABSENT)
    parts = [text_of(licence.get("spdx")) or ABSENT]
    if isinstance(licence.get("commercial"), bool):
        parts.append("commercial use allowed" if licence["commercial"] else "no commercial use")
    if isinstance(licence.get("redistribute"), bool):
        parts.append("may be passed on" if licence["redistribute"] else "images may not be passed on")
    return Fact("Licence", ", ".join(parts), web_link(licence.get("url")) or web_link(licence.get("source")))


def entry_facts(card: Mapping[str, Any]) -> list[Fact]:
    """Lines of an entry's card."""
    facts = [Fact(title, text) for name, title in _ENTRY_FACTS.items() if (text := text_of(card.get(name)))]
    facts.append(licence_fact(card))
    if unknown := [title.lower() for name, title in _ENTRY_FACTS.items() if not text_of(card.get(name))]:
        facts.append(Fact("The rest", f"{ABSENT}: {', '.join(unknown)}"))
    weights = card.get("weights")
    if isinstance(weights, Mapping):
        facts.append(
            Fact("Weights", text_of({k: v for k, v in weights.items() if k != "sha256"}), web_link(weights.get("url")))
        )
        if digest := text_of(weights.get("sha256")):
            facts.append(Fact("SHA-256 of the weights", digest))
    if measured := text_of(card.get("measured_as")):
        facts.append(Fact("Measured here as", measured))
    if newer := text_of(card.get("superseded_by")):
        facts.append(Fact("Superseded by", newer))
    return facts


def exposures(card: Mapping[str, Any], datasets: list[str]) -> list[Exposure]:
    """Training on each dataset; what is not stated is unknown."""
    stated = card.get("trained_on")
    marks = []
    for name in datasets:
        value = stated.get(name, stated.get("*")) if isinstance(stated, Mapping) else None
        state = text_of(value.get("state")) if isinstance(value, Mapping) else text_of(value)
        source = text_of(value.get("source")) if isinstance(value, Mapping) else ""
        marks.append(Exposure(name, state or "unknown", source))
    return marks


def dataset_facts(card: Mapping[str, Any]) -> list[Fact]:
    """Lines of a dataset's card."""
    facts = [Fact(title, text_of(card[name])) for name, title in _DATASET_FACTS.items() if text_of(card.get(name))]
    facts.append(licence_fact(card))
    source = card.get("source")
    if isinstance(source, Mapping):
        link = web_link(source.get("url"))
        facts.append(Fact("Source", text_of({k: v for k, v in source.items() if k != "url"}) or link, link))
    if notes := text_of(card.get("notes")):
        facts.append(Fact("Notes", notes))
    return facts


def official_scenes(card: Mapping[str, Any]) -> list[str]:
    """Scenes of a dataset as its metadata names them; empty if it does not."""
    scenes = card.get("scenes")
    return [str(name) for name in scenes] if isinstance(scenes, Mapping | list | tuple) else []


def protocol_groups(values: Mapping[str, Any]) -> list[tuple[str, list[Fact]]]:
    """A protocol's numbers by stage; the plain ones first."""
    plain = [
        Fact(words(name), amount(value) if not isinstance(value, list | tuple) else text_of(value))
        for name, value in values.items()
        if not isinstance(value, Mapping) and name not in ("name", "description")
    ]
    groups = [("General", plain)] if plain else []
    for name, value in values.items():
        if isinstance(value, Mapping):
            facts = [
                Fact(words(path).replace(".", ": "), text_of(item) or amount(item)) for path, item in flatten(value)
            ]
            groups.append((words(name).capitalize(), facts))
    return groups
