"""Stages I and III: an autoencoder taught by the other scenes of a dataset, kept in the store."""

from __future__ import annotations

from benchmark.cells import Cell
from benchmark.lrf.artifacts import LatentScene, Teacher
from benchmark.report import Report
from vfm_zoo import registry


def taught(cell: Cell, scene: LatentScene, device: str, report: Report) -> Teacher:
    """The autoencoder of a cell after the stages that its mode asks for."""
    entry = registry.get_autoencoder(cell.entry)
    return Teacher(registry.load_autoencoder(entry, device), entry.digest())
