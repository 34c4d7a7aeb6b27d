"""`splatbench results` and `splatbench submit`: check, compare, pack and export records."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated

import typer
import yaml

from benchmark.cli.leaderboard import entry_cards
from benchmark.cli.listing import plain
from benchmark.cli.output import DEFAULT_STORE, StoreOption
from benchmark.errors import InputError, SplatbenchError
from benchmark.records import Record, read_jsonl, write_jsonl

app = typer.Typer(
    no_args_is_help=True, help="Check, compare, pack and export records. Example: `splatbench results check results`"
)

SUMS = "SHA256SUMS"
DEFAULT_RESULTS = Path("results")


class Format(enum.StrEnum):
    """What results can be exported to."""

    huggingface = "huggingface"


FilesArgument = Annotated[list[Path], typer.Argument(help="JSON Lines files, or folders of them.", exists=True)]
AgainstOption = Annotated[
    Path | None,
    typer.Option("--against", help="Folder of the results before the change: no row may go, no published one change."),
]
CommentOption = Annotated[Path | None, typer.Option("--comment", help="Write a Markdown comment to this file.")]
KeysOption = Annotated[bool, typer.Option("--keys/--no-keys", help="Make every key again (loads the scenes).")]


@app.command("check")
def check_command(
    files: FilesArgument,
    against: AgainstOption = None,
    comment: CommentOption = None,
    keys: KeysOption = True,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Check records as a submission: schema, ranges, names, keys, complete splits, nothing taken away.

    Example: `splatbench results check results --against ../main/results --comment comment.md`
    """
    if not check(files, against, comment, keys, store):
        raise typer.Exit(1)


def check(files: list[Path], against: Path | None, comment: Path | None, keys: bool, store: Path) -> bool:
    """Print problems, each a line, and write the comment; True if there are none."""
    from leaderboard import changes, submissions

    paths = list(_files(files))
    report = submissions.check(paths, _facts(store if keys else None, paths))
    problems = [*report.problems, *_sums_problems(paths)]
    notes = list(report.notes)
    if against is not None:
        found = changes.changes(_records(against), report.records)
        problems += changes.forbidden(found)
        if printed := sum(record.made_by == "published" for record in found.added):
            notes.append(f"{_count(printed, 'published row')} added: compare with the source")
    else:
        found = changes.changes([], report.records)
        notes.append("nothing to compare with, so removed rows cannot be seen: give --against FOLDER")
    for problem in problems:
        typer.echo(f"problem: {problem}")
    for note in notes:
        typer.echo(f"note: {note}")
    typer.echo(f"{len(report.records)} records in {len(paths)} files: {_count(len(problems), 'problem')}")
    if comment is not None:
        comment.write_text(changes.comment(found, report.records, problems, _catalogue()), encoding="utf-8")
    return not problems


@app.command("diff")
def diff_command(
    before: Annotated[Path, typer.Argument(help="File or folder of records.", exists=True)],
    after: Annotated[Path, typer.Argument(help="File or folder of records.", exists=True)],
) -> None:
    """Say what changed between two states of the results; the exit code is 1 if a row is gone or a published one changed.

    Example: `splatbench results diff ../main/results results`
    """
    from leaderboard import changes

    found = changes.changes(_records(before), _records(after))
    for record in found.removed:
        typer.echo(f"removed: {record.cell.label}")
    for old, new in found.changed:
        typer.echo(f"changed: {new.cell.label}: {_values(old)} -> {_values(new)}")
    for record in found.added:
        typer.echo(f"added: {record.cell.label}: {_values(record)}")
    typer.echo(f"{len(found.added)} added, {len(found.changed)} changed, {len(found.removed)} removed")
    if changes.forbidden(found):
        raise typer.Exit(1)


@app.command("pack")
def pack_command(
    store: StoreOption = DEFAULT_STORE,
    out: Annotated[Path, typer.Option("--out", help="Folder of results.")] = DEFAULT_RESULTS,
    entry: Annotated[str | None, typer.Option("--entry", help="Name or wildcard; all by default.")] = None,
    protocol: Annotated[str | None, typer.Option("--protocol", help="One protocol; all by default.")] = None,
    study: Annotated[
        str | None, typer.Option("--study", help="Only cells of this study, as this version makes them.")
    ] = None,
) -> None:
    """Write the store's records as results/measured/PROTOCOL/TRACK/ENTRY/DATASET.jsonl, beside what is there.

    Example: `splatbench results pack --store runs --entry 'efficientnet*'`
    """
    written = pack(store, out, entry, protocol, study)
    for path in written:
        typer.echo(str(path))


def pack(
    store: Path, out: Path, entry: str | None = None, protocol: str | None = None, study: str | None = None
) -> list[Path]:
    """Merge the store's records into the files of a results folder; a record that is there is kept unless newer."""
    from benchmark.store import Store
    from leaderboard.changes import merged
    from vfm_zoo import registry

    keys = None if study is None else _keys_of(study, store)
    records = [
        record
        for record in Store(store).records()
        if (entry is None or registry.matching(entry, [record.cell.entry]))
        and protocol in (None, record.cell.protocol)
        and (keys is None or record.key in keys)
    ]
    if not records:
        raise InputError(f"store {store}: no such records; see what there is by `splatbench leaderboard build`")
    written = []
    for name, fresh in merged([], records).items():
        path = out / "measured" / name
        before = list(read_jsonl(path)) if path.is_file() else []
        path.parent.mkdir(parents=True, exist_ok=True)
        (all_records,) = merged(before, fresh).values()
        partial = path.with_suffix(".partial")
        write_jsonl(partial, all_records)
        partial.replace(path)
        written.append(path)
    return written


def _keys_of(study: str, store: Path) -> frozenset[str]:
    from benchmark.cli.run import plan_all
    from benchmark.store import Store
    from benchmark.studies import get_study

    return frozenset(task.key for task in plan_all(get_study(study).selections, Store(store)))


@app.command("export")
def export_command(
    entry: Annotated[str, typer.Argument(help="Name of the entry.")],
    results: Annotated[
        Path, typer.Option("--results", help="File or folder of records.", exists=True)
    ] = DEFAULT_RESULTS,
    format: Annotated[Format, typer.Option("--format", help="For a model card.")] = Format.huggingface,
    url: Annotated[str, typer.Option("--url", help="Address of the leaderboard, named as the source.")] = "",
) -> None:
    """Print an entry's results as the metadata block of a model card.

    Example: `splatbench results export efficientnet_lite0 --format huggingface`
    """
    from leaderboard.model_card import model_index

    values = model_index(_records(results), entry, _catalogue(), url)
    if not values["model-index"][0]["results"]:
        raise InputError(f"entry '{entry}': no complete row in {results}; see `splatbench results pack`")
    typer.echo("---\n" + yaml.safe_dump(values, sort_keys=False, allow_unicode=True) + "---")


@app.command("transcribe")
def transcribe_command(
    folder: Annotated[Path, typer.Argument(help="Folder of transcribed tables (CSV).", exists=True, file_okay=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder of published rows.")] = DEFAULT_RESULTS / "published",
) -> None:
    """Make the published rows anew from transcribed tables.

    Example: `splatbench results transcribe tables --out results/published`
    """
    from leaderboard.published import read_transcripts

    out.mkdir(parents=True, exist_ok=True)
    for name, records in read_transcripts(folder).items():
        write_jsonl(out / f"{name}.jsonl", records)
        typer.echo(f"{out / name}.jsonl: {len(records)} records")
    sums = [f"{_sha256(path)}  {path.name}\n" for path in sorted(out.glob("*.jsonl"))]
    (out / SUMS).write_text("".join(sums), encoding="utf-8")


def submit(
    entry: Annotated[str | None, typer.Option("--entry", help="Name or wildcard; all by default.")] = None,
    protocol: Annotated[str | None, typer.Option("--protocol", help="One protocol; all by default.")] = None,
    store: StoreOption = DEFAULT_STORE,
    results: Annotated[Path, typer.Option("--results", help="Results folder of a checkout.")] = DEFAULT_RESULTS,
    keys: KeysOption = True,
) -> None:
    """Pack records of the store into a checkout, check them, and say what is left to do.

    Example: `splatbench submit --entry my_extractor`
    """
    written = pack(store, results, entry, protocol)
    fine = check(written, None, results.parent / "comment.md", keys, store)
    typer.echo(f"comment: {results.parent / 'comment.md'}")
    if not fine:
        raise typer.Exit(1)
    typer.echo("Next: commit these files and open a pull request with comment.md as its text:")
    for path in written:
        typer.echo(f"  git add {path}")


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        found = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
        if not found:
            raise InputError(f"results {path}: no .jsonl file in this folder")
        yield from found


def _records(path: Path) -> list[Record]:
    return [record for file in _files([path]) for record in read_jsonl(file)]


def _sums_problems(paths: Iterable[Path]) -> list:
    """Published files must be those whose digests stand beside them."""
    from leaderboard.submissions import Problem

    problems = []
    for folder in sorted({path.parent for path in paths if (path.parent / SUMS).is_file()}):
        for name, digest in _sums(folder).items():
            path = folder / name
            if not path.is_file():
                problems.append(Problem(str(folder / name), "is gone; published rows are never removed"))
            elif _sha256(path) != digest:
                problems.append(
                    Problem(
                        path.name,
                        f"is not the file of {SUMS}; published rows change by `splatbench results transcribe`",
                    )
                )
    return problems


def _sums(folder: Path) -> dict[str, str]:
    """Digests by file name, as `sha256sum` writes them; empty without such a file."""
    if not (folder / SUMS).is_file():
        return {}
    lines = (line.partition("  ") for line in (folder / SUMS).read_text(encoding="utf-8").splitlines())
    return {Path(name).name: digest for digest, _, name in lines if name}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _catalogue():
    from dataclasses import asdict

    from benchmark.scenes.spec import list_datasets
    from leaderboard.cards import Catalogue

    return Catalogue(entry_cards(), {spec.name: plain(asdict(spec)) for spec in list_datasets()}, {})


def _facts(store: Path | None, paths: Iterable[Path]):
    """What this version knows; without a store no key of a measured record is made again."""
    from benchmark.feat2gs.modes import BASELINES, PROBING_MODES, VARIANT_MODES
    from benchmark.lrf.modes import IMAGE_BASELINES, MODES
    from benchmark.protocols import LATENT_PROTOCOLS, PROTOCOLS
    from benchmark.scenes.spec import list_datasets
    from leaderboard.submissions import Facts
    from vfm_zoo import registry

    return Facts(
        entries=frozenset([*registry.known_names(), *(entry.name for entry in registry.list_autoencoders())]),
        baselines=frozenset([*BASELINES, *IMAGE_BASELINES]),
        views={spec.name: {name: scene.test for name, scene in spec.scenes.items()} for spec in list_datasets()},
        modes=frozenset([*PROBING_MODES, *VARIANT_MODES, *MODES]),
        protocols=frozenset([*PROTOCOLS, *LATENT_PROTOCOLS]),
        published=frozenset(path for path in paths if path.name in _sums(path.parent)),
        key_of=(lambda record: None) if store is None else (lambda record: _planned(store).get(record)),
    )


class _Planned:
    """Keys as the planner makes them, a dataset and entry at a time."""

    def __init__(self, store: Path):
        from benchmark.store import Store

        self._store = Store(store)
        self._keys: dict[tuple, dict] = {}

    def get(self, record: Record) -> str | None:
        from benchmark.plan import Selection, plan

        cell = record.cell
        group = (cell.entry, cell.dataset, cell.scene, cell.mode, cell.reconstruction, cell.protocol, cell.seed)
        if group not in self._keys:
            selection = Selection(
                entries=[cell.entry],
                dataset=cell.dataset,
                scenes=[cell.scene],
                modes=None if cell.mode == "free" else [cell.mode],
                protocol=cell.protocol,
                reconstruction=cell.reconstruction,
                seeds=[cell.seed],
                track="lrf" if cell.track == "lrf" else "feat2gs",
            )
            try:
                self._keys[group] = {task.cell: task.key for task in plan(selection, self._store)}
            except (SplatbenchError, LookupError):
                self._keys[group] = {}
        return self._keys[group].get(cell)


@cache
def _planned(store: Path) -> _Planned:
    return _Planned(store)


def _values(record: Record) -> str:
    from leaderboard.formats import number

    if record.status != "ok":
        return record.status
    return ", ".join(f"{name} {number(measured.value, name)}" for name, measured in record.metrics.items())


def _count(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
