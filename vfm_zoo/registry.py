"""The registry: one flat dictionary of entries, from this package, installed plug-ins and files. No torch.

Whatever holds entries, a module of this package, a plug-in's entry point or a file, holds them as a sequence called
``ENTRIES``; importing it changes nothing.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.metadata
import json
import os
import pkgutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from vfm_zoo.autoencoders.entry import AutoencoderEntry
from vfm_zoo.entry import UNTRAINED, Choice, Entry, Exposure, Input, Licence, Model, Weights
from vfm_zoo.errors import UnknownEntry, ZooError
from vfm_zoo.pins import pinned

if TYPE_CHECKING:
    from vfm_zoo.loading.autoencoder import Autoencoder
    from vfm_zoo.loading.extractor import Extractor

__all__ = [
    "AutoencoderEntry",
    "Broken",
    "Choice",
    "Entry",
    "Exposure",
    "Input",
    "Licence",
    "UnknownEntry",
    "Weights",
    "ZooError",
    "broken_plugins",
    "get_autoencoder",
    "get_entry",
    "list_autoencoders",
    "list_entries",
    "load",
    "load_autoencoder",
    "load_entry_file",
    "matching",
    "register",
    "source_of",
]

Kind = TypeVar("Kind", bound=Model)

PLUGIN_GROUP = "splatbench.entries"
# Entry files of this process, for the processes that it starts: JSON, a list of [path, SHA-256].
ENTRY_FILES = "SPLATBENCH_ENTRY_FILES"


@dataclass(frozen=True)
class Broken:
    """An installed plug-in, or an entry file of the process above, whose entries could not be had, and why."""

    plugin: str
    reason: str


_entries: dict[str, Model] = {}
_sources: dict[str, str] = {}
_broken: list[Broken] = []


def list_entries(pattern: str | None = None) -> list[Entry]:
    """Extractors sorted by name; ``pattern`` may hold the wildcards ``*``, ``?`` and ``[...]``."""
    return _listed(Entry, pattern)


def list_autoencoders(pattern: str | None = None) -> list[AutoencoderEntry]:
    """Autoencoders sorted by name; ``pattern`` as in `list_entries`."""
    return _listed(AutoencoderEntry, pattern)


def _listed(kind: type[Kind], pattern: str | None) -> list[Kind]:
    _discover()
    models = {name: model for name, model in sorted(_entries.items()) if isinstance(model, kind)}
    return [pinned(models[name]) for name in (models if pattern is None else matching(pattern, models))]


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that a pattern with wildcards matches, in their order; capitals do not matter."""
    return [name for name in names if fnmatchcase(name.lower(), pattern.lower())]


def get_entry(name: str) -> Entry:
    """The extractor of this name, or with this alias; digests that the user vouches for are filled in.

    ``<name>_random`` is the untrained twin of any entry that has weights, listed or not.

    Raises
    ------
    UnknownEntry
        Naming the nearest ones.
    """
    return _named(name, Entry, "entry", "entries")


def get_autoencoder(name: str) -> AutoencoderEntry:
    """The autoencoder of this name, or with this alias; as `get_entry`."""
    return _named(name, AutoencoderEntry, "autoencoder", "autoencoders")


def _named(name: str, kind: type[Kind], what: str, listing: str) -> Kind:
    _discover()
    models = {known: model for known, model in _entries.items() if isinstance(model, kind)}
    for model in models.values():
        if name in model.aliases and name not in models:
            return pinned(model)
    base = models.get(name.removesuffix(UNTRAINED))
    if name not in models and isinstance(base, Entry) and base.weights is not None:
        return cast(Kind, base.untrained_twin())
    if name not in models:
        close = difflib.get_close_matches(name.lower(), sorted(models), n=3, cutoff=0.5)
        hint = ": did you mean " + " or ".join(f"'{match}'" for match in close) + "?" if close else ";"
        failed = "".join(f" (plug-in {broken.plugin} could not be loaded: {broken.reason})" for broken in _broken)
        raise UnknownEntry(f"{what} '{name}' is unknown{hint} see `splatbench list {listing}`{failed}")
    return pinned(models[name])


def known_names() -> list[str]:
    """Every name that `get_entry` takes but aliases: entries, and untrained twins that are not listed."""
    names = {entry.name: entry for entry in list_entries()}
    twins = [f"{name}{UNTRAINED}" for name, entry in names.items() if entry.weights is not None]
    return list(dict.fromkeys([*names, *twins]))


def source_of(name: str) -> str:
    """Where an entry comes from: a module, a plug-in or a file."""
    _discover()
    return _sources[name] if name in _sources else _sources[get_entry(name).name]


def broken_plugins() -> tuple[Broken, ...]:
    """Installed plug-ins that failed to load; the others are not touched by it."""
    _discover()
    return tuple(_broken)


def register(*entries: Model, source: str) -> None:
    """Add entries, all or none.

    Parameters
    ----------
    source
        Where they come from, for listings and messages. Giving the same entry again from the same source changes
        nothing.

    Raises
    ------
    ZooError
        If something is no entry, or a name is taken; both sources are named.
    """
    fresh: dict[str, Model] = {}
    for entry in entries:
        if not isinstance(entry, Model):
            raise ZooError(f"{source}: ENTRIES must hold vfm_zoo.registry.Entry, got {type(entry).__name__}")
        known = fresh.get(entry.name, _entries.get(entry.name))
        if known is not None and (entry.name in fresh or known != entry or _sources[entry.name] != source):
            other = _sources.get(entry.name, source)
            raise ZooError(f"{source}: the name '{entry.name}' is taken by {other}; choose another name")
        fresh[entry.name] = entry
    _entries.update(fresh)
    _sources.update(dict.fromkeys(fresh, source))


def load_entry_file(path: Path | str) -> list[Model]:
    """Run a Python file of one's own and register what its ``ENTRIES`` holds.

    The digest of the file becomes part of each entry's digest, so that an edited file never reuses old numbers.

    Raises
    ------
    ZooError
        If the file is absent, raises, defines no entries or takes a name that is taken; one line that names it.
    """
    path = Path(path)
    try:
        code = path.read_bytes()
    except OSError as error:
        raise ZooError(
            f"entry file {path}: cannot be read ({error.strerror}); give the path of a Python file"
        ) from None
    digest = hashlib.sha256(code).hexdigest()
    entries = _entries_in(path, code, digest)
    _discover()
    source = f"file {path.resolve()}"
    # A file that was edited and is read again takes the place of what it held before.
    for earlier in [name for name, known in _sources.items() if known == source]:
        del _entries[earlier], _sources[earlier]
    register(*entries, source=source)
    _hand_on(path, digest)
    return entries


def _entries_in(path: Path, code: bytes, digest: str) -> list[Model]:
    name = f"entry_file_{digest[:16]}"
    module = sys.modules.get(name)
    if module is None:
        module = ModuleType(name)
        module.__file__ = str(path)
        # Loaders are named "module:function" and found by this name. Compiled from the very bytes that were digested:
        # the import system might take an older compilation.
        sys.modules[name] = module
        try:
            exec(compile(code, str(path), "exec"), module.__dict__)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            raise ZooError(f"entry file {path}: {_one_line(error)}{_line_in(path, error)}; mend the file") from error
    return [
        replace(entry, code_sha256=digest) if isinstance(entry, Model) else entry
        for entry in _entries_of(module, f"entry file {path}")
    ]


def _hand_on(path: Path, digest: str) -> None:
    """Tell the processes that this one will start: they begin with an empty registry."""
    known = [[file, sha256] for file, sha256 in _handed_on() if file != str(path.resolve())]
    os.environ[ENTRY_FILES] = json.dumps([*known, [str(path.resolve()), digest]])


def _handed_on() -> list[tuple[str, str]]:
    try:
        files = json.loads(os.environ.get(ENTRY_FILES) or "[]")
        return [(str(path), str(sha256)) for path, sha256 in files]
    except ValueError:
        return []


def _take_over() -> None:
    """Read the entry files of the process above; one that was edited since is not what it ran with."""
    for file, sha256 in _handed_on():
        source = f"file {file}"
        try:
            code = Path(file).read_bytes()
            if hashlib.sha256(code).hexdigest() != sha256:
                raise ZooError("was edited after the run began; start the run again")
            register(*_entries_in(Path(file), code, sha256), source=source)
        except (ZooError, OSError) as error:
            _broken.append(Broken(source, _one_line(error)))


def load(entry: Entry, device: str = "cpu") -> Extractor:
    """Load a model, ready to be called.

    Parameters
    ----------
    device
        As PyTorch names it.

    Returns
    -------
    A callable from images in [0, 1] to tokens; see `vfm_zoo.loading.extractor.Extractor`.

    Raises
    ------
    ZooError
        If a package or the weights are missing, or the weights have another digest; one line with the remedy.
    """
    from vfm_zoo.loading.extractor import Extractor

    return Extractor(entry, _loaded(entry, device), device)


def load_autoencoder(entry: AutoencoderEntry, device: str = "cpu") -> Autoencoder:
    """Load an autoencoder, ready to be called and to be trained; as `load`.

    Returns
    -------
    Images in [0, 1] to latents and back; see `vfm_zoo.loading.autoencoder.Autoencoder`.
    """
    from vfm_zoo.loading.autoencoder import Autoencoder

    return Autoencoder(entry, _loaded(entry, device)).to(device)


def _loaded(entry: Model, device: str) -> Any:
    """What the loader returns; a missing package and a wrong name in one line with the remedy."""
    module, function = entry.loader.split(":")
    try:
        loader = getattr(importlib.import_module(module), function)
        return loader(entry, device)
    except ModuleNotFoundError as error:
        remedy = f"splatbench[{entry.extra}]" if entry.extra else error.name
        raise ZooError(
            f"entry '{entry.name}': the package '{error.name}' is not installed; pip install '{remedy}'"
        ) from error
    except ImportError as error:
        package = f"splatbench[{entry.extra}]" if entry.extra else error.name
        raise ZooError(f"entry '{entry.name}': {_one_line(error)}; pip install --upgrade '{package}'") from error
    except AttributeError as error:
        if getattr(error, "obj", None) is not sys.modules.get(module):
            raise
        raise ZooError(f"entry '{entry.name}': there is no loader {entry.loader}; mend its `loader`") from error


@cache
def _discover() -> None:
    """Fill the registry, once: first this package, then plug-ins."""
    # Code that needs torch at import lives in other sub-packages, so that a listing never waits for it.
    for holder in (__package__, f"{__package__}.autoencoders"):
        for module_info in pkgutil.iter_modules(importlib.import_module(holder).__path__):
            if not module_info.ispkg:
                module = importlib.import_module(f"{holder}.{module_info.name}")
                register(*getattr(module, "ENTRIES", ()), source=module.__name__)
    for point in importlib.metadata.entry_points(group=PLUGIN_GROUP):
        source = f"{point.dist.name if point.dist else point.name} ({point.value})"
        try:
            register(*_entries_of(point.load(), source), source=source)
        except (Exception, SystemExit) as error:
            _broken.append(Broken(source, _one_line(error)))
    _take_over()


def _entries_of(holder: object, source: str) -> Iterable[Model]:
    """Entries in a module's ``ENTRIES``, or in the sequence itself."""
    entries = getattr(holder, "ENTRIES", None) if isinstance(holder, ModuleType) else holder
    if not isinstance(entries, list | tuple):
        raise ZooError(f"{source}: defines no list or tuple ENTRIES of vfm_zoo.registry.Entry")
    return entries


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ZooError) else f"{type(error).__name__}: {text}"


def _line_in(path: Path, error: BaseException) -> str:
    """``" (line 3)"``: the last line of the file that was running when the error rose."""
    if isinstance(error, SyntaxError):
        return f" (line {error.lineno})"
    line, traceback = None, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == str(path):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return "" if line is None else f" (line {line})"
