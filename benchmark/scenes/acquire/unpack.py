"""Archives unpacked by someone who does not trust them: nothing outside, no links, no bombs, all or nothing."""

from __future__ import annotations

import hashlib
import shutil
import stat
import tarfile
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from benchmark.errors import InputError
from benchmark.scenes.acquire.archives import Part

CHUNK = 1 << 20
MAX_MEMBERS = 2_000_000
# Photographs hardly shrink; a megabyte that becomes a gigabyte is no dataset.
MAX_RATIO = 200
# A small archive may shrink well without harm (text, flat depth maps).
RATIO_FREE_BYTES = 1 << 28
# What zipfile and tarfile raise on broken input; NotImplementedError is zipfile's for a compression it cannot read.
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Member:
    """A regular file of an archive, its name already checked."""

    name: PurePosixPath
    size: int
    handle: zipfile.ZipInfo | tarfile.TarInfo


@dataclass(frozen=True)
class Unpacked:
    """What was written: size and SHA-256 by path below the target folder."""

    files: dict[str, tuple[int, str]]


def unpack(archive: Path, folder: Path, parts: Sequence[Part] = (), max_bytes: int | None = None) -> Unpacked:
    """Write the members of an archive below ``folder``.

    Everything is written beside ``folder`` first and moved into it when the last byte is right, so an archive that
    turns out damaged leaves what was there before. Files that it brings replace earlier ones of the same name.

    Parameters
    ----------
    archive
        A zip or (compressed) tar file, whatever its name.
    parts
        What is taken and where it goes; empty takes all, as it lies.
    max_bytes
        Most that may be written; None takes what is free on the disk.

    Raises
    ------
    InputError
        Naming archive and member: truncated or no archive, a path that leads outside, a link or device, an absurd
        compression, more than ``max_bytes``, or a part that it does not hold.
    """
    limit = shutil.disk_usage(_existing(folder)).free if max_bytes is None else max_bytes
    partial = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        with _opened(archive) as opened:
            members = _members(opened, archive)
            targets = _targets(members, parts, archive)
            _check_sizes(targets, archive, limit)
            files = {}
            for member, target in targets.items():
                files[str(target)] = _extract(opened, member, partial / target, archive)
        _move_in(partial, folder)
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{folder}: cannot be written ({error.strerror}); free some space there") from None
        raise InputError(
            f"{archive}: truncated or damaged ({type(error).__name__}); delete it and get it anew"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Unpacked(files)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile | tarfile.TarFile]:
    if not archive.is_file():
        raise InputError(f"{archive}: no such archive; put it there")
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            yield opened
    else:
        with tarfile.open(archive) as opened_tar:
            yield opened_tar


def _members(opened: zipfile.ZipFile | tarfile.TarFile, archive: Path) -> list[Member]:
    """Regular files with safe names; anything else than a file or a folder is refused."""
    members: list[Member] = []
    total, most = 0, max(RATIO_FREE_BYTES, MAX_RATIO * archive.stat().st_size)
    for info in opened.infolist() if isinstance(opened, zipfile.ZipFile) else opened:
        if len(members) >= MAX_MEMBERS:
            raise InputError(f"{archive}: more than {MAX_MEMBERS} members, so no dataset; look where it came from")
        name = info.filename if isinstance(info, zipfile.ZipInfo) else info.name
        path = _safe_name(name, archive)
        if isinstance(info, zipfile.ZipInfo):
            kind = stat.S_IFMT(info.external_attr >> 16)
            plain, is_folder, size = kind in (0, stat.S_IFREG, stat.S_IFDIR), info.is_dir(), info.file_size
        else:
            plain, is_folder, size = info.isreg() or info.isdir(), info.isdir(), info.size
        if not plain:
            raise InputError(f"{archive}: '{name:.120}' is a link or a device; such an archive is not unpacked")
        if not is_folder:
            members.append(Member(path, size, info))
            total += size
        if total > most:
            raise InputError(f"{archive}: it claims to hold more than {most} bytes, as no photographs do; look at it")
    return members


def _safe_name(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    windows = "\\" in name or ":" in name.split("/")[0]
    if path.is_absolute() or ".." in path.parts or windows or "\0" in name or not path.parts:
        raise InputError(f"{archive}: '{name:.120}' leads out of the folder; such an archive is not unpacked")
    return path


def _targets(members: list[Member], parts: Sequence[Part], archive: Path) -> dict[Member, PurePosixPath]:
    """Where each wanted member goes, relative to the dataset's folder."""
    if not parts:
        return {member: member.name for member in members}
    targets: dict[Member, PurePosixPath] = {}
    taken: dict[PurePosixPath, Member] = {}
    for part in parts:
        wanted = PurePosixPath(part.source).parts
        before = len(targets)
        for member in members:
            rest = _below(member.name.parts, wanted)
            if rest is None:
                continue
            target = PurePosixPath(part.target, *rest)
            if target in taken:
                raise InputError(f"{archive}: '{member.name}' and '{taken[target].name}' both go to {target}")
            targets[member], taken[target] = target, member
        if len(targets) == before:
            raise InputError(f"{archive}: it holds no '{part.source}'; is it the right archive? Get it anew")
    return targets


def _below(path: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...] | None:
    """The rest of ``path`` after the first place where it runs through ``wanted``."""
    for start in range(len(path) - len(wanted) + 1):
        if path[start : start + len(wanted)] == wanted:
            return path[start + len(wanted) :]
    return None


def _check_sizes(targets: dict[Member, PurePosixPath], archive: Path, limit: int) -> None:
    total = sum(member.size for member in targets)
    if total > limit:
        raise InputError(
            f"{archive}: {total / 1e9:.1f} GB when unpacked, but {limit / 1e9:.1f} GB may be written; free some space "
            "or set SPLATBENCH_DATA to a larger disk"
        )


def _extract(opened: zipfile.ZipFile | tarfile.TarFile, member: Member, target: Path, archive: Path) -> tuple[int, str]:
    """Write one member; its size and SHA-256. A member that holds more than it claims is refused while it is read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with _stream(opened, member) as source, target.open("xb") as sink:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > member.size:
                break
            digest.update(chunk)
            sink.write(chunk)
    if size != member.size:
        raise InputError(f"{archive}: '{member.name}' is not as long as it claims; delete the archive, get it anew")
    return size, digest.hexdigest()


def _stream(opened: zipfile.ZipFile | tarfile.TarFile, member: Member) -> IO[bytes]:
    if isinstance(opened, zipfile.ZipFile):
        assert isinstance(member.handle, zipfile.ZipInfo)
        return opened.open(member.handle)
    assert isinstance(member.handle, tarfile.TarInfo)
    stream = opened.extractfile(member.handle)
    if stream is None:
        raise tarfile.ReadError(member.name)
    return stream


def _move_in(partial: Path, folder: Path) -> None:
    """Move every file of ``partial`` into ``folder``; both lie on one disk, so each move is a rename."""
    for path in sorted(partial.rglob("*")):
        if path.is_file():
            target = folder / path.relative_to(partial)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
