"""`python -m ml.generate --rows N --out FILE [--seed S] [--unlabelled]`: made-up loans for tests and demos.

The same 19 columns and the same oddities as the published set, and no row of it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from ml.training.command import parser, run, say
from ml.training.generator import write_loans


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("ml.generate", __doc__)
    options.add_argument("--rows", type=int, default=6000, help="how many (6000)")
    options.add_argument("--out", type=Path, required=True, help="the CSV file to write")
    options.add_argument("--seed", type=int, default=1, help="the same seed gives the same file (1)")
    options.add_argument("--unlabelled", action="store_true", help="leave out the column of outcomes")
    given = options.parse_args(arguments)

    def work() -> int:
        written = write_loans(given.out, given.rows, given.seed, labelled=not given.unlabelled)
        say(f"wrote {written:,} lines to {given.out}")
        return 0

    return run("ml.generate", work)


if __name__ == "__main__":
    sys.exit(main())
