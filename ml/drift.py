"""`python -m ml.drift --data RECENT [--model FILE] [--limit PSI]`: have applications moved away from the training?

The training's side comes from the artefact, so its data are not needed. With `--limit`, code 1 when a feature or the
score moved further.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from ml.columns import SHIPPED
from ml.inference import load
from ml.training.command import parser, run, say
from ml.training.drifting import drifts
from ml.training.loans import clean, read_loans
from ml.training.params import Params


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("ml.drift", __doc__)
    options.add_argument("--data", type=Path, required=True, help="recent applications; outcomes are not needed")
    options.add_argument("--model", type=Path, default=SHIPPED, help="the artefact (the one that ships)")
    options.add_argument("--limit", type=float, help="end with code 1 when an index is above this")
    given = options.parse_args(arguments)
    return run("ml.drift", lambda: _drift(given.data, given.model, given.limit))


def _drift(data: Path, path: Path, limit: float | None) -> int:
    model = load(path)
    loans = clean(read_loans(data, labelled=False), Params())
    found = drifts(model, loans.columns())
    say(f"{model.version} against {len(loans.rows):,} rows of {data}, population stability index:")
    for drift in found:
        say(f"  {drift.feature:32}{drift.psi:8.4f}  {drift.word}")
    return int(limit is not None and found[0].psi > limit)


if __name__ == "__main__":
    sys.exit(main())
