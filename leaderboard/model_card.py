"""An entry's results as the metadata block of a model card on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.records import METRICS, Record
from leaderboard.aggregate import FREE
from leaderboard.cards import Catalogue
from leaderboard.content import collect
from leaderboard.formats import decimal, mode_title

TASKS = {"feat2gs": "image-feature-extraction", "lrf": "image-to-3d"}


def model_index(records: Sequence[Record], entry: str, catalogue: Catalogue, url: str = "") -> dict[str, Any]:
    """The block ``model-index``: one result a board, dataset and mode in which the entry is complete.

    Parameters
    ----------
    records
        Those of all entries, so that holes show.
    url
        Address of the leaderboard; left out if empty.

    Returns
    -------
    values
        Plain values, to be written as YAML between the dashes at the top of a model card.
    """
    results = []
    for board in collect(records, catalogue).boards:
        if board.board.origin == "published":
            continue
        for dataset, tables in board.tables.items():
            for mode, table in tables.items():
                row = next((row for row in table.rows if row.entry == entry), None)
                scores = {name: row.scores[name].value for name in table.metrics} if row else {}
                metrics = [
                    {
                        "type": name,
                        "name": METRICS[name].title,
                        "value": float(decimal(value, METRICS[name].decimals).replace("\N{MINUS SIGN}", "-")),
                    }
                    for name, value in scores.items()
                    if value is not None
                ]
                if not row or not metrics:
                    continue
                shown = FREE if row.reference else mode
                track = board.board.track
                source = {"name": "splatbench", "url": url} if url else None
                results.append(
                    {
                        "task": {"type": TASKS.get(track, "other"), "name": f"splatbench {track}, {mode_title(shown)}"},
                        "dataset": {
                            "type": dataset,
                            "name": catalogue.dataset_title(dataset),
                            "config": f"{board.board.protocol}, {board.board.reconstruction} reconstruction",
                            "split": "test",
                        },
                        "metrics": metrics,
                        **({"source": source} if source else {}),
                    }
                )
    return {"model-index": [{"name": entry, "results": results}]}
