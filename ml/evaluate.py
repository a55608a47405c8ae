"""`python -m ml.evaluate --data FILE [--model FILE]`: what an artefact does on loans with known outcomes.

The rows are cleaned as for training. The spread is over resamples of the rows.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ml.columns import SHIPPED
from ml.inference import load
from ml.training.command import parser, run, say
from ml.training.learned import group_columns
from ml.training.loans import check_enough, clean, read_loans
from ml.training.measures import by_group, outcomes_at, resampled
from ml.training.params import Params


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("ml.evaluate", __doc__)
    options.add_argument("--data", type=Path, required=True, help="a CSV file of the 19 columns, with outcomes")
    options.add_argument("--model", type=Path, default=SHIPPED, help="the artefact (the one that ships)")
    given = options.parse_args(arguments)
    return run("ml.evaluate", lambda: _evaluate(given.data, given.model))


def _evaluate(data: Path, path: Path) -> int:
    model, params = load(path), Params()
    read = read_loans(data)
    loans = clean(read, params)
    check_enough(loans, params)
    say(f"{data}: " + ", ".join(f"{number:,} {what}" for what, number in loans.counts.items()))
    if loans.sha256 == model.header.card["data"]["sha256"]:
        say("These are the rows that the model was trained on: the figures flatter it; its card has the honest ones.")
    paid = np.array(loans.outcomes(), dtype=np.intp)
    probabilities = model.score_batch(loans.columns()).probabilities
    say(f"{model.version}, {len(paid):,} rows")
    for name, spread in resampled(paid, probabilities, model.threshold, params.seed).items():
        say(f"  {name}: {spread}")
    for name, value in outcomes_at(paid, probabilities, model.threshold, params.cost_of_loss).items():
        say(f"  {name}: {value:,.3f}" if value % 1 else f"  {name}: {value:,.0f}")
    for one in by_group(group_columns(loans), paid, probabilities):
        say(
            f"  {one['group']} {one['value']}: {one['rows']:,} rows, promised {one['promised']:.3f}, "
            f"seen {one['seen']:.3f}, ROC-AUC {one['roc_auc']:.3f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
