"""`python -m ml.train --data FILE [--params FILE] [--out FOLDER]`: learn from loans and write the artefact.

Prints the figures that design.md promises, and ends with code 1 when one was missed, 2 when the data were refused.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from ml.training.command import hold, parser, run, say
from ml.training.measures import BRIER, ECE, ROC_AUC
from ml.training.params import Params, read_params
from ml.training.pipeline import Trained, train

OUT = Path("var") / "ml"
# On honest data nobody does much better, and who does much worse has broken something.
AUC_LEAST, BRIER_MOST, ECE_MOST = 0.64, 0.205, 0.03


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("ml.train", __doc__)
    options.add_argument("--data", type=Path, required=True, help="a CSV file of the 19 columns, with outcomes")
    options.add_argument("--params", type=Path, help="a JSON file of parameters (ml/training/params.py)")
    options.add_argument("--out", type=Path, default=OUT, help="folder for artefact, card and plots (var/ml)")
    options.add_argument("--source", default="", help="what the data are, for the card")
    options.add_argument("--any-quality", action="store_true", help="do not hold the figures against their limits")
    given = options.parse_args(arguments)

    def work() -> int:
        params = read_params(given.params)
        done = train(given.data, params, given.out, say, source=given.source)
        kept = _tell(done, params)
        return 0 if kept or given.any_quality else 1

    return run("ml.train", work)


def _tell(done: Trained, params: Params) -> bool:
    say(f"{params.folds} folds by customer, mean and deviation over folds:")
    found = done.validation.spreads
    for name, spread in found.items():
        if name not in (ROC_AUC, BRIER, ECE):
            say(f"        {name}: {spread}")
    auc, brier, ece = found[ROC_AUC], found[BRIER], found[ECE]
    kept = [
        hold(ROC_AUC, auc.mean, auc, at_least=AUC_LEAST, at_most=params.leak_above),
        hold(BRIER, brier.mean, brier, at_most=BRIER_MOST),
        hold(ECE, ece.mean, ece, at_most=ECE_MOST),
    ]
    costs = done.card["threshold"]["outcomes"]
    say(
        f"  cost a loan {costs['cost a loan']:.3f}; yes to all {costs['cost a loan, yes to all']:.3f}, "
        f"no to all {costs['cost a loan, no to all']:.3f}"
    )
    say(f"wrote {done.path} ({done.model.version}), its card and plots beside it")
    return all(kept)


if __name__ == "__main__":
    sys.exit(main())
