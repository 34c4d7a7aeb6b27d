"""The `splatbench` command: the verbs, and how errors reach a person."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

import typer

from benchmark.cli import compile, data, doctor, export, leaderboard, listing, results, run, study, view, zoo
from benchmark.errors import SplatbenchError
from vfm_zoo.errors import ZooError

# Typer carries a Click of its own since 0.20 and used the installed one before: its errors are found through what it
# exports either way. The base of BadParameter is that of an unknown option, a missing value ... too.
UsageError = typer.BadParameter.__base__

app = typer.Typer(
    name="splatbench",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="How much 3-D does a vision model know? Probe it with photographs, and rank what comes out.\n\n"
    "Example: `splatbench run --entry efficientnet_lite0 --dataset studio`",
)
app.command("list")(listing.list_things)
app.command("show")(listing.show)
app.command("doctor")(doctor.doctor)
app.command("run")(run.run)
app.command("study")(study.study)
app.command("plan")(study.plan)
app.command("compile")(compile.compile_all)
app.add_typer(data.app, name="data")
app.command("features")(zoo.features)
app.command("check")(zoo.check)
app.command("new-entry")(zoo.new_entry)
app.command("view")(view.view)
app.command("export")(export.export)
app.add_typer(leaderboard.app, name="leaderboard")
app.add_typer(results.app, name="results")
app.command("submit")(results.submit)


def main() -> None:
    """Entry point; a user's error is one line on stderr and exit code 2, an interrupt is 130."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(call(app))


def call(command: typer.Typer, arguments: list[str] | None = None) -> int:
    """Run the command; its exit code, after its error was written to stderr in one line."""
    try:
        code = command(args=arguments, prog_name="splatbench", standalone_mode=False)
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            return error.exit_code
        path = error.ctx.command_path if error.ctx else "splatbench"
        # Validators put the kind of exception before their text.
        _fail(f"{error.format_message().replace('Value error, ', '').rstrip('.')}; see `{path} --help`")
        return 2
    except (SplatbenchError, ZooError) as error:
        _fail(str(error))
        return 2
    except OSError as error:
        # A store or a site that was written a moment ago and cannot be any more; cells' own troubles are in records.
        _fail(
            f"{error.filename or 'a file'}: {error.strerror or error}; free some space, or choose another --store or "
            "--site (what is finished is kept)"
        )
        return 2
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:
        # Newer Typers turn the interrupt into this exit code.
        _fail("stopped; what is finished is kept, the same command goes on from there")
    return code or 0


def _fail(text: str) -> None:
    sys.stderr.write(f"splatbench: {' '.join(text.split())}\n")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
