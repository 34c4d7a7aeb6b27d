"""`splatbench export`: a reconstruction of the store as files that other tools open."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.output import DEFAULT_STORE, StoreOption, console
from benchmark.cli.view import PREFIX
from benchmark.errors import InputError, nearest
from benchmark.store import Store

if TYPE_CHECKING:
    from benchmark.reconstruction.reconstruction import Reconstruction


def export(
    key: Annotated[str, typer.Argument(help="Key of a record or of a reconstruction, or its first characters.")],
    out: Annotated[Path, typer.Argument(help="Folder to write, which must not exist.")],
    format: Annotated[str, typer.Option("--format", help="colmap, colmap-text or ply.")] = "colmap",
    most_points: Annotated[int, typer.Option(min=1, help="At most so many points.")] = 200_000,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write cameras and points of a reconstruction as a COLMAP model or a PLY, with a picture of them.

    Example: `splatbench export 3f9a2c room --format colmap`
    """
    from benchmark.reconstruction.export import FORMATS

    if format not in FORMATS:
        raise InputError(f"format '{format}' is unknown{nearest(format, FORMATS)}")
    if out.exists():
        raise InputError(f"{out}: exists already; name a folder that does not")
    if not out.parent.is_dir():
        raise InputError(f"{out}: there is no folder {out.parent}; create it or choose another")
    reconstruction = find_reconstruction(Store(store), key)
    from PIL import Image

    from benchmark.reconstruction.picture import picture

    partial = out.with_name(f".{out.name}-{uuid.uuid4().hex[:12]}")
    try:
        partial.mkdir()
        count = FORMATS[format](partial, reconstruction, most_points)
        Image.fromarray(picture(reconstruction)).save(partial / "reconstruction.png", optimize=True)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    views = len(reconstruction.train_views) + len(reconstruction.test_views)
    console.print(f"{out}: {views} cameras, {count} points, method {reconstruction.method}", highlight=False)


def find_reconstruction(store: Store, prefix: str) -> Reconstruction:
    """The reconstruction of that key, or the one that the record of that key was fitted to."""
    from benchmark.reconstruction.io import load_reconstruction

    found = {path.name: path for kind in ("cells", "reconstructions") for path in _matching(store, kind, prefix)}
    if len(found) != 1:
        many = "no record and no reconstruction" if not found else f"{len(found)} records and reconstructions"
        raise InputError(
            f"{prefix!r}: {many} of that key in the store {store.root}; give more of a key that lies under "
            f"{store.root / 'cells'} or {store.root / 'reconstructions'}, or another --store"
        )
    ((name, path),) = found.items()
    if path.parent.parent.name == "reconstructions":
        return load_reconstruction(path)
    record = store.read_record(name)
    key = None if record is None else record.provenance.get("digests", {}).get("reconstruction")
    if not isinstance(key, str) or not store.has("reconstructions", key):
        reason = f" ({record.status}: {record.reason})" if record is not None and record.reason else ""
        raise InputError(
            f"record {name}: its reconstruction is not in this store{reason}; run the cell again to make it"
        )
    return load_reconstruction(store.path("reconstructions", key))


def _matching(store: Store, kind: str, prefix: str) -> list[Path]:
    return sorted((store.root / kind / prefix[:2]).glob(f"{prefix}*/")) if PREFIX.fullmatch(prefix) else []
