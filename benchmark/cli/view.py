"""`splatbench view`: the fitted Gaussians of a record, live in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.output import DEFAULT_STORE, StoreOption
from benchmark.errors import InputError
from benchmark.store import Store

if TYPE_CHECKING:
    from benchmark.cameras import Cameras
    from benchmark.splatting.viewer import Points

PREFIX = re.compile(r"[0-9a-f]{4,64}")


def view(
    record: Annotated[str, typer.Argument(help="Key of a record in the store, or its first characters.")],
    store: StoreOption = DEFAULT_STORE,
    port: Annotated[int, typer.Option(help="Port on this machine; the next free one where it is taken.")] = 8080,
) -> None:
    """Open the fitted scene of a record in a browser (needs the extra `[view]`); end with Ctrl-C.

    Example: `splatbench view 3f9a2c`
    """
    from benchmark.splatting.ply import read_ply
    from benchmark.splatting.viewer import overview, serve

    opened = Store(store)
    gaussians = read_ply(fitted_gaussians(opened, record))
    cameras, points = reconstructed(opened, record)
    serve(gaussians, cameras or overview(gaussians), port=port, points=points).sleep_forever()


def reconstructed(store: Store, record: str) -> tuple[Cameras | None, Points | None]:
    """Train cameras and points that a record was fitted to; None where its reconstruction is gone from the store."""
    from benchmark.cli.export import find_reconstruction

    try:
        made = find_reconstruction(store, record)
    except InputError:
        return None, None
    return made.cameras, (made.points[made.valid], made.colors[made.valid])


def fitted_gaussians(store: Store, prefix: str) -> Path:
    """The file of a record's Gaussians; `InputError` if the record or the file is not there."""
    folders = []
    if PREFIX.fullmatch(prefix):
        folders = sorted((store.root / "cells" / prefix[:2]).glob(f"{prefix}*/"))
    if len(folders) != 1:
        found = "no record" if not folders else f"{len(folders)} records"
        raise InputError(
            f"{prefix!r}: {found} of that key in the store {store.root}; give more of a key that lies under "
            f"{store.root / 'cells'}, or another --store"
        )
    path = folders[0] / "gaussians.ply"
    if not path.is_file():
        record = store.read_record(folders[0].name)
        reason = f" ({record.status}: {record.reason})" if record is not None and record.reason else ""
        raise InputError(f"record {folders[0].name}: it has no gaussians.ply{reason}; run the cell again to make it")
    return path
