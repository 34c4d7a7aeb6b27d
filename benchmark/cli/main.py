"""The `splatbench` command: the verbs, and how errors reach a person."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

import click
import typer

from benchmark.cli import doctor, leaderboard, listing, run, view
from benchmark.errors import SplatbenchError

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
app.command("view")(view.view)
app.add_typer(leaderboard.app, name="leaderboard")


def main() -> None:
    """Entry point; a user's error is one line on stderr and exit code 2, an interrupt is 130."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(standalone_mode=False)
    except SplatbenchError as error:
        _fail(str(error))
        code = 2
    except LookupError as error:
        # The registry's errors: it may not know ours.
        if type(error) in (KeyError, IndexError):
            raise
        _fail(str(error))
        code = 2
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped; what is finished is kept, the same command goes on from there")
        code = 130
    sys.exit(code or 0)


def _fail(text: str) -> None:
    sys.stderr.write(f"splatbench: {text}\n")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
