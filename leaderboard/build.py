"""The site, written beside its place and swapped in: a build that fails leaves the old one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from benchmark.errors import InputError
from benchmark.records import METRICS, Record
from leaderboard import formats, links, notes
from leaderboard.cards import Catalogue
from leaderboard.comparison import compares
from leaderboard.content import Content, collect
from leaderboard.exports import FORMATS
from leaderboard.page import Page
from leaderboard.pages import site_pages
from leaderboard.pictures import Gallery
from leaderboard.viewer import Pose, Scenes, Viewer

SITE = Path(__file__).parent / "site"
MARK = '<meta name="generator" content="splatbench">'


def build_site(
    records: Iterable[Record],
    out: Path,
    *,
    entries: Mapping[str, Mapping[str, Any]],
    datasets: Mapping[str, Mapping[str, Any]],
    protocols: Mapping[str, Mapping[str, Any]],
    command: Callable[[Record], str],
    cell_folder: Callable[[Record], Path | None] | None = None,
    all_photographs: bool = False,
    viewer: Viewer | None = None,
    start_view: Callable[[Record], Pose | None] | None = None,
) -> Path:
    """Write the site that shows these records; the same records give the same bytes.

    Parameters
    ----------
    records
        In any order. Of several records of one cell the newest counts.
    out
        Folder of the site. Replaced as a whole, once the new one is complete.
    entries, datasets, protocols
        Metadata by name; plain values, any of which may be missing.
    command
        The one line that makes a record again.
    cell_folder
        Folder of a measured cell with ``renders/VIEW.png`` and, if there are, ``truth``, ``error`` and ``masks`` of the
        same names; None where there is none. Pictures of the first seed are copied.
    all_photographs
        True for a page that stays on this machine: photographs are copied even where the dataset's licence says
        ``redistribute: false``. Else such a dataset is shown by its renders alone.
    viewer
        Shows fitted scenes in 3-D (`leaderboard.viewer.read_viewer`); None leaves them as files.
    start_view
        Where a record's scene is seen from at first.

    Returns
    -------
    index
        ``out/index.html``.

    Raises
    ------
    InputError
        If ``out`` is a folder that holds something else than a site, or cannot be written.
    """
    content = collect(records, Catalogue(entries, datasets, protocols))
    _check_replaceable(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    except OSError as error:
        raise InputError(f"site {out}: cannot be written ({error.strerror}); choose another folder") from None
    try:
        # mkdtemp is private to its owner; a site is meant to be served.
        partial.chmod(0o755)
        scenes = Scenes(partial, viewer, start_view) if viewer else None
        _write(content, partial, command, cell_folder, all_photographs, scenes)
        _swap(partial, out)
    except OSError as error:
        raise InputError(
            f"site {out}: cannot be written ({error.strerror or error}); the old site is untouched"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out / "index.html"


def _check_replaceable(out: Path) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    index = out / "index.html"
    if not index.is_file() or MARK not in index.read_text(encoding="utf-8", errors="replace")[:4000]:
        raise InputError(
            f"site {out}: is there already and is no site of splatbench; choose another folder or remove it"
        )


def _swap(partial: Path, out: Path) -> None:
    if not out.exists():
        partial.rename(out)
        return
    aside = partial.with_name(partial.name + "-old")
    out.rename(aside)
    try:
        partial.rename(out)
    except OSError:
        aside.rename(out)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _write(
    content: Content,
    site: Path,
    command: Callable[[Record], str],
    cell_folder: Callable[[Record], Path | None] | None,
    all_photographs: bool,
    scenes: Scenes | None,
) -> None:
    shutil.copytree(SITE / "static", site / "static", copy_function=shutil.copyfile)
    for page in site_pages(content, Gallery(site), command, cell_folder, all_photographs, scenes):
        _write_text(site / page.path, render(page, content))
    for board in content.boards:
        for dataset, tables in board.tables.items():
            for mode, table in tables.items():
                for extension, (_, to_text) in FORMATS.items():
                    _write_text(site / links.table_file(board.board, dataset, mode, extension), to_text(table))


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def render(page: Page, content: Content) -> str:
    """A page as HTML."""
    template = _environment().get_template(page.template)
    return template.render({**page.values, "path": page.path, "content": content, "catalogue": content.catalogue})


@jinja2.pass_context
def _link(context: jinja2.runtime.Context, target: str) -> str:
    return links.between(context["path"].rpartition("/")[0], target)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SITE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=formats.clean,
    )
    environment.filters |= {
        "amount": formats.amount,
        "decimal": formats.decimal,
        "link": _link,
        "mode_title": formats.mode_title,
        "number": formats.number,
        "plural": notes.plural,
        "prose": formats.prose,
        "text": formats.text_of,
        "track_title": formats.track_title,
        "web_link": formats.web_link,
        "words": formats.words,
    }
    environment.globals |= {
        "FREE": "free",
        "METRICS": METRICS,
        "MODES": formats.MODES,
        "TRACKS": formats.TRACKS,
        "anchor": formats.anchor,
        "compares": compares,
        "links": links,
        "notes": notes,
    }
    return environment
