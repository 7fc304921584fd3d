"""Where the program starts, as ``qmri`` and as ``python -m qmri``.

In a run the warm worker does most commands: these are handed over before anything else is imported.
"""

import sys

from qmri.pipeline.run.forward import forward, is_of_study


def main() -> int:
    """Run the command line and return the exit status."""
    arguments = sys.argv[1:]
    try:
        if is_of_study(arguments) and (status := forward(arguments)) is not None:
            return status
    except KeyboardInterrupt:  # the worker has interrupted the stage
        sys.stderr.write(f"qmri {arguments[0]}: interrupted\n")
        return 130
    from qmri.cli import main as run  # noqa: PLC0415 - most of the time of a command that is handed over

    return run()


if __name__ == "__main__":
    sys.exit(main())
