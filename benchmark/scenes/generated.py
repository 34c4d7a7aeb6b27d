"""Scenes that we write ourselves, once, into the store."""

from __future__ import annotations

import errno
import hashlib
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from benchmark.errors import InputError


def write_once(folder: Path, write: Callable[[Path], None]) -> Path:
    """``folder``, written first if it is absent; complete or not there at all, whoever else writes it too.

    Parameters
    ----------
    write
        Fills the folder whose path it is given; that folder is then renamed. If it raises, nothing stays behind.

    Raises
    ------
    InputError
        If the disk is full or the folder cannot be written.
    """
    if folder.is_dir():
        return folder
    partial = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        partial.mkdir(parents=True)
        write(partial)
        partial.rename(folder)
    except OSError as error:
        # Another process was quicker: its folder is as good as ours.
        if not (error.errno in (errno.EEXIST, errno.ENOTEMPTY) and folder.is_dir()):
            raise InputError(
                f"{folder.parent}: a generated scene cannot be written ({error.strerror}); free some space there or "
                "choose another store"
            ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def file_digest(path: Path) -> str:
    """SHA-256, in hex, of a file's bytes; `InputError` if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); copy it anew from where it came") from None
