"""Downloads that go on where they stopped and never harm what is there already.

``pooch`` checks the hash and puts a finished file in its place; ``huggingface_hub`` transfers it, from the byte at which
an earlier attempt stopped if the server can. Nothing is opened before its hash, if one is known, is right.
"""

from __future__ import annotations

import io
import logging
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.scenes.acquire.archives import Archive

if TYPE_CHECKING:
    import pooch as pooch_types

CONNECTIONS = 4
RANGE_NOT_SATISFIABLE = 416
# First bytes of the archives that are read here: an error page that a server sends in their place is told apart.
MAGIC = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")


class _Stream(io.FileIO):
    """A file that takes no more once ``stop`` is set: transfers run in threads, which an interrupt does not reach."""

    def __init__(self, path: Path, stop: threading.Event):
        super().__init__(path, "ab")
        self.stop = stop

    def write(self, data: Any) -> int:
        if self.stop.is_set():
            raise InterruptedError("stopped")
        return super().write(data)


class ResumingDownloader:
    """A downloader for ``pooch``: what has arrived is kept in ``<file>.part`` until all of it has.

    Parameters
    ----------
    part
        File of what has arrived.
    stop
        Set to break transfers off.
    """

    def __init__(self, part: Path, stop: threading.Event | None = None):
        self.part = part
        self.stop = stop or threading.Event()

    def __call__(
        self, url: str, output_file: Any, pooch: pooch_types.Pooch | None, check_only: bool = False
    ) -> bool | None:
        """Fetch ``url`` into ``output_file``, a path; called by ``pooch``."""
        self.part.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._transfer(url)
        except InterruptedError:
            raise
        except Exception as error:
            # The transport below the hub's client changes with its versions, and its exceptions with it.
            if getattr(getattr(error, "response", None), "status_code", None) != RANGE_NOT_SATISFIABLE:
                raise ConnectionError(_short(error)) from error
            # What has arrived is no beginning of what the server has now.
            self.part.unlink()
            self._transfer(url)
        self.part.replace(output_file)
        return None

    def _transfer(self, url: str) -> None:
        from huggingface_hub.file_download import http_get

        with io.BufferedWriter(_Stream(self.part, self.stop)) as stream:
            http_get(url, stream, resume_size=stream.tell(), displayed_filename=self.part.name.removesuffix(".part"))


def download(archives: Sequence[Archive]) -> list[Path]:
    """Fetch every archive that is not there with the right hash; several at once, each with a progress bar.

    Returns
    -------
    paths
        In the order of ``archives``.

    Raises
    ------
    InputError
        Naming the file, when all transfers have ended: a server that refuses, a full disk, a wrong hash, or a page in
        place of an archive. An earlier file of that name stays as it was, and so does what has arrived of a transfer
        that broke off.
    """
    stop = threading.Event()
    with _quiet(), ThreadPoolExecutor(max_workers=min(CONNECTIONS, max(1, len(archives)))) as pool:
        futures = [pool.submit(fetch, archive, stop) for archive in archives]
        try:
            wait(futures)
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    problems = [error for future in futures if (error := future.exception()) is not None]
    for error in problems:
        if not isinstance(error, InputError):
            raise error
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InputError(f"{problems[0]}{more}")
    return [future.result() for future in futures]


def fetch(archive: Archive, stop: threading.Event | None = None) -> Path:
    """One archive; see `download`."""
    import pooch

    path = archive.path
    # Where nobody published a hash what is there stays: nothing would tell a better copy.
    if path.is_file() and (not archive.known_hash or pooch.hashes.hash_matches(str(path), archive.known_hash)):
        return path
    downloader = ResumingDownloader(path.with_name(f"{path.name}.part"), stop)
    known = archive.known_hash or None
    try:
        fetched = path.with_name(f"{path.name}.new")
        pooch.retrieve(archive.url, known, fname=fetched.name, path=fetched.parent, downloader=downloader)
        _check_magic(fetched, archive)
        fetched.replace(path)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{archive.file}: its hash is not the published one ({archive.known_hash:.30}...), so it was thrown away; "
            f"run the command again, or fetch {archive.url} by hand"
        ) from None
    except OSError as error:
        raise InputError(
            f"{archive.file}: {archive.url} cannot be fetched ({_short(error)}); run the command again, it goes on "
            "where it stopped"
        ) from None
    return path


def _check_magic(path: Path, archive: Archive) -> None:
    with path.open("rb") as stream:
        start = stream.read(6)
    if not start.startswith(MAGIC):
        path.unlink()
        raise InputError(
            f"{archive.file}: {archive.url} answered with something that is no archive (a page with an error, a "
            "quota?); open it in a browser"
        )


def _short(error: Exception) -> str:
    text = (str(error) or type(error).__name__).splitlines()[0]
    return text if len(text) <= 160 else text[:157] + "..."


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the notes of the libraries: of what matters the user is told by us."""
    import pooch

    loggers = [pooch.get_logger(), logging.getLogger("huggingface_hub")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def free_space(folder: Path) -> int:
    """Bytes that may still be written where ``folder`` lies, or will lie."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
