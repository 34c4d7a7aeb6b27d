"""Where artifacts and records lie: content-addressed folders, published by rename.

A folder appears under its key complete or not at all: it is written under a temporary name on the same file system
and renamed. Locks only save work (two workers do not make the same thing at once) and tell what is being written from
what a killed worker left; what makes the store right is the key and the rename. All are `flock`: the kernel releases
them when their holder dies, however it dies, so there is no stale lock to find and clear.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from benchmark.errors import InputError
from benchmark.records import Record

log = logging.getLogger(__name__)

KINDS = ("scenes", "reconstructions", "features", "latents", "matches", "fields", "trained", "cells")


class Store:
    """A folder of artifacts.

    Parameters
    ----------
    root
        Created if absent; `InputError` if it cannot be written.
    """

    def __init__(self, root: Path):
        self.root = root
        try:
            for folder in (*KINDS, "locks", "partial"):
                (root / folder).mkdir(parents=True, exist_ok=True)
            probe = root / "partial" / f"probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise InputError(
                f"store {root}: cannot be written ({error.strerror}); choose another with --store or SPLATBENCH_STORE"
            ) from None

    def path(self, kind: str, key: str) -> Path:
        """Folder of an artifact, whether it exists or not."""
        if kind not in KINDS:
            raise ValueError(f"kind: expected one of {KINDS}, got {kind!r}")
        return self.root / kind / key[:2] / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artifact is there, complete."""
        return self.path(kind, key).is_dir()

    def make(self, kind: str, key: str, build: Callable[[Path], None]) -> Path:
        """Folder of the artifact, built first if absent; one process builds, others wait for it.

        Parameters
        ----------
        build
            Writes its files into the empty folder it is given. If it raises, nothing is published.
        """
        final = self.path(kind, key)
        if final.is_dir():
            return final
        with self._lock(key):
            if not final.is_dir():
                self.publish(kind, key, build)
        return final

    def publish(self, kind: str, key: str, build: Callable[[Path], None]) -> Path:
        """Build the artifact now and put it in the place of any older one; `InputError` if the disk is full."""
        final = self.path(kind, key)
        try:
            with self._partial(key) as partial:
                build(partial)
                final.parent.mkdir(exist_ok=True)
                _put_in_place(partial, final)
        except OSError as error:
            if is_full(error):
                raise InputError(f"store {self.root}: {FULL}") from None
            raise
        return final

    def discard(self, kind: str, key: str) -> None:
        """Remove an artifact that nothing needs any more, such as a checkpoint of what is finished."""
        with self._partial(key) as partial, suppress(FileNotFoundError):
            self.path(kind, key).rename(partial.parent / "discarded")

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Whether this process alone may work on a cell until the block ends; False if another one does so now."""
        with self._lock(f"{key}.claim", wait=False) as ours:
            yield ours

    @contextmanager
    def _lock(self, name: str, wait: bool = True, shared: bool = False) -> Iterator[bool]:
        with (self.root / "locks" / f"{name}.lock").open("w") as handle:
            yield _flock(handle, wait, shared)

    @contextmanager
    def _partial(self, key: str) -> Iterator[Path]:
        """An empty folder, removed in the end, that `clear_partial` of another process leaves alone."""
        outer = self.root / "partial" / f"{key[:16]}-{uuid.uuid4().hex}"
        with ExitStack() as held:
            # Shared among builders: nobody clears between the folder's birth and its lock.
            with self._lock("partial", shared=True):
                outer.mkdir()
                held.callback(shutil.rmtree, outer, ignore_errors=True)
                handle = held.enter_context((outer / "lock").open("w"))
                _flock(handle, wait=True, shared=False)
            (outer / "artifact").mkdir()
            yield outer / "artifact"

    def clear_partial(self) -> None:
        """Remove what killed workers left half-written; what a living process is writing stays."""
        with self._lock("partial", wait=False) as alone:
            if not alone:
                return
            for leftover in (self.root / "partial").iterdir():
                try:
                    with (leftover / "lock").open("r+") as handle:
                        abandoned = _flock(handle, wait=False, shared=False)
                except OSError:
                    abandoned = True
                if abandoned:
                    shutil.rmtree(leftover, ignore_errors=True)

    def read_record(self, key: str) -> Record | None:
        """The record of a cell, or None; `InputError` if the file is damaged."""
        path = self.path("cells", key) / "record.json"
        if not path.is_file():
            return None
        return _read_record(path)

    def records(self) -> Iterator[Record]:
        """Every record, in the order of its key; a damaged one is named in the log and left out."""
        for path in sorted((self.root / "cells").glob("*/*/record.json")):
            try:
                yield _read_record(path)
            except InputError as error:
                log.warning("%s; it is left out: remove its folder, or run its cell again", error)


def _read_record(path: Path) -> Record:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__})") from None
    return Record.from_json(text, str(path))


FULL = "the disk is full; free some space and run again (what is finished is kept)"


def is_full(error: BaseException) -> bool:
    """Whether a file could not be written for want of space, of quota, or beyond the largest size allowed."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _put_in_place(built: Path, final: Path) -> None:
    """Rename a folder to its final name; a folder cannot be renamed onto a full one, so an older one moves aside."""
    while True:
        try:
            built.rename(final)
            return
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        # Into the partial folder of the new one, with which it is removed. If another process moved it first, it is gone.
        with suppress(FileNotFoundError):
            final.rename(built.parent / f"old-{uuid.uuid4().hex}")


def _flock(handle: TextIO, wait: bool, shared: bool) -> bool:
    """Lock an open file until it is closed; False if ``wait`` is not and another process holds it."""
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def write_durably(path: Path, text: str) -> None:
    """Write text and force it to the disk before the folder that holds it is published."""
    with path.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
