"""The command line: parse, call, print, exit code. No logic."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer

from posekit.cli import judging, looking, making

INTERRUPTED = 130
TRACEBACK = "POSEKIT_TRACEBACK"  # environment variable: where an error comes from is printed behind it
FAULT = 70  # EX_SOFTWARE
# rich markup takes two thirds of the time of --help
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def _begin(context: typer.Context) -> None:
    # not of --help, which would import a third of posekit for it
    from posekit.bundle.folders import own_temporary_folder

    context.with_resource(own_temporary_folder())


COMMANDS = (
    making.init, making.package, making.ladder, making.compress, judging.validate, judging.check, judging.bisect,
    judging.doctor, looking.predict, looking.inspect, looking.presets, looking.sample,
    looking.demo,
)  # fmt: skip
for command in COMMANDS:
    app.command()(command)


def main(arguments: list[str] | None = None) -> Any:
    """Entry point: PosekitError becomes one sentence, a hint and its exit code; a fault of posekit's own a
    traceback."""
    from posekit.errors import PosekitError, full_disk
    from posekit.progress import told_to

    as_json = "--json" in (arguments or sys.argv[1:])
    try:
        with told_to(_warn, _note):
            return app(arguments)
    except Exception as error:
        from posekit.cli import console

        told = full_disk(error) or error
        if isinstance(told, PosekitError):
            console.show_error(told, as_json=as_json)
            if os.environ.get(TRACEBACK):
                traceback.print_exception(error)
            sys.exit(told.exit_code)
        # a fault of posekit's own: told as such, and never taken for a failed gate (1)
        from posekit.errors import first_line

        console.show_fault(first_line(error), as_json=as_json)
        traceback.print_exc()
        sys.exit(FAULT)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # Typer makes this of a KeyboardInterrupt, and says nothing
            sys.stderr.write("interrupted; nothing was left half-written\n")
        raise


def _warn(text: str) -> None:
    from posekit.cli import console

    console.warn(text)


def _note(text: str) -> None:
    from posekit.cli import console

    console.note(text)


if __name__ == "__main__":
    main()
