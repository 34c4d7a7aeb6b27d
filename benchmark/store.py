"""Where artifacts and records lie: content-addressed folders, published by rename.

A folder appears under its key complete or not at all: it is written under a temporary name on the same file system
and renamed. A lock only saves work (two workers do not make the same thing at once); what makes the store right is
the key and the rename.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark.errors import InputError
from benchmark.records import Record

KINDS = ("scenes", "reconstructions", "features", "cells")


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
        """Build the artifact now and put it in the place of any older one."""
        final = self.path(kind, key)
        partial = self.root / "partial" / f"{key[:16]}-{uuid.uuid4().hex}"
        partial.mkdir()
        try:
            build(partial)
            final.parent.mkdir(exist_ok=True)
            if final.is_dir():
                # A folder cannot be renamed onto a full one; the older moves aside first and is then removed.
                aside = partial.with_name(partial.name + "-old")
                final.rename(aside)
                partial.rename(final)
                shutil.rmtree(aside, ignore_errors=True)
            else:
                partial.rename(final)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise InputError(f"store {self.root}: the disk is full; free some space and run again") from None
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return final

    @contextmanager
    def _lock(self, key: str) -> Iterator[None]:
        # flock is released by the kernel when its holder dies, so there is no stale lock to clear.
        with (self.root / "locks" / f"{key}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def read_record(self, key: str) -> Record | None:
        """The record of a cell, or None; `InputError` if the file is damaged."""
        path = self.path("cells", key) / "record.json"
        if not path.is_file():
            return None
        return Record.from_json(path.read_text(encoding="utf-8"), str(path))

    def records(self) -> Iterator[Record]:
        """Every record, in the order of its key."""
        for path in sorted((self.root / "cells").glob("*/*/record.json")):
            yield Record.from_json(path.read_text(encoding="utf-8"), str(path))

    def clear_partial(self) -> None:
        """Remove what killed workers left half-written; call only while none runs."""
        for leftover in (self.root / "partial").iterdir():
            shutil.rmtree(leftover, ignore_errors=True)


def write_durably(path: Path, text: str) -> None:
    """Write text and force it to the disk before the folder that holds it is published."""
    with path.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
