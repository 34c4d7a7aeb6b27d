"""`splatbench view`: the fitted Gaussians of a record, live in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.output import DEFAULT_STORE, StoreOption
from benchmark.errors import InputError
from benchmark.store import Store

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

    gaussians = read_ply(fitted_gaussians(Store(store), record))
    serve(gaussians, overview(gaussians), port=port).sleep_forever()


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
