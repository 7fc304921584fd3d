"""How well and how fast a reading in the browser goes: figures of docs/reader.md.

python benchmarks/review.py cut                 a body from a click: simulated spines, real ones where present
python benchmarks/review.py cut DATA            only the real spines in DATA/*/labels.nii.gz
python benchmarks/review.py page RESULTS        first image, next examination, decisions; in Chromium
python benchmarks/review.py picture RESULTS EXAM
python benchmarks/review.py followup RESULTS EXAM      sessions side by side: times, review_followup.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from clicks import print_clicks, print_sizes
from review_followup import look_through
from review_page import draw_pictures, print_times
from spines import REAL, real_cases, study_cases


def add_cut(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare ``cut``."""
    parser = commands.add_parser("cut", help="a body from a click: Dice, name and time")
    parser.add_argument("data", type=Path, nargs="*", help="folders of */labels.nii.gz")
    parser.add_argument("--patients", type=int, default=3, help="of the simulated study")
    parser.add_argument("--spines", type=int, help="take so many of the real spines of a folder")
    parser.set_defaults(run=cut)


def cut(options: argparse.Namespace) -> None:
    """Print what becomes of clicks."""
    if not options.data:
        cases = list(study_cases(options.patients))
        print("\nsimulated")
        print_clicks(cases)
        print_sizes(cases[0])
    for folder in options.data or (REAL, REAL.with_name("spine_other")):
        print(f"\n{folder.name}")
        print_clicks(real_cases(folder, options.spines))


def add_page(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare ``page`` and ``picture``."""
    parser = commands.add_parser("page", help="what a reader waits for in the browser")
    parser.add_argument("results", type=Path)
    parser.add_argument("--sheet", type=Path, help="study sheet: what is decided is measured meanwhile")
    parser.set_defaults(run=lambda options: print_times(options.results, options.sheet))
    parser = commands.add_parser("picture", help="docs/images/review.png and review_readers.png")
    parser.add_argument("results", type=Path)
    parser.add_argument("exam")
    parser.set_defaults(run=lambda options: draw_pictures(options.results, options.exam))
    parser = commands.add_parser("followup", help="a participant's sessions side by side")
    parser.add_argument("results", type=Path)
    parser.add_argument("exam", help="the later examination")
    parser.set_defaults(run=lambda options: look_through(options.results, options.exam))


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    add_cut(commands)
    add_page(commands)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
