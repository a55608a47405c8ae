"""The model card: what the artefact's header knows, for people to read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_USE = """An estimate of how a consumer loan will end, `Fully Paid` or `Charged Off`, for a bank's manager who decides.
It ranks loans somewhat better than chance and its probabilities hold on average; it decides nothing by itself. It knows
the 16 features below and no others: no name, age, sex or place. It has seen loans of one lender and one time only;
`python -m ml.drift` tells when applications no longer look like those."""

_LIMITS = """- What was published gives the outcome away in three places, and none of them was used: rows with the
  placeholder amount 99999999 (all fully paid) are left out, credit scores ten times too large (all charged off) are
  divided by ten, and of repeated loan ids (all fully paid) one row each is kept. With the leaks in, ROC-AUC is about
  0.77: such a figure, or any above 0.70, is refused as a leak.
- A value that is missing is read as missing; where training never saw it missing, as the training's median. A purpose
  or ownership that training saw fewer than {rare_below} times is read as none of the known ones.
- Values beyond the training's range are scored like its ends, and the answer says so."""


def write_card(path: Path, version: str, card: Mapping[str, Any]) -> None:
    path.write_text("\n".join(_lines(version, card)) + "\n")


def _lines(version: str, card: Mapping[str, Any]) -> Iterable[str]:
    yield from ("# Model card: loan status", "", f"Version `{version}`, written by `python -m ml.train`.", "")
    yield from ("## What it is for", "", _USE, "")
    yield from _data(card["data"])
    yield from _quality(card)
    yield from _calibration(card["calibration"])
    yield from _threshold(card["threshold"])
    yield from _features(card)
    yield from _groups(card["groups"])
    yield from ("## Limits", "", _LIMITS.format(rare_below=card["params"]["rare_below"]), "")
    yield from _making(card)


def _data(data: Mapping[str, Any]) -> Iterable[str]:
    yield from ("## Trained on", "", f"`{data['file']}`, SHA-256 `{data['sha256']}`{_source(data)}.", "")
    yield from _table(("what", "number"), data["counts"].items())
    yield from _table(("outcome", "rows"), data["outcomes"].items())
    yield from (
        f"{data['customers']:,} customers. Artefact and card hold trees, shares and figures; no row of these data.",
        "",
    )


def _source(data: Mapping[str, Any]) -> str:
    return f": {data['source']}" if data["source"] else ""


def _quality(card: Mapping[str, Any]) -> Iterable[str]:
    folds = card["params"]["folds"]
    yield from ("## Quality", "", f"Cross-validation in {folds} folds by customer: mean and deviation over folds.", "")
    rows = ((name, f"{one['mean']:.3f} ± {one['deviation']:.3f}") for name, one in card["metrics"].items())
    yield from _table(("figure", "value"), rows)
    yield from ("Chosen by: " + card["choice"]["words"] + ".", "")
    yield from ("![ROC](plots/roc.png) ![Precision and recall](plots/pr.png)", "")


def _calibration(found: Mapping[str, Any]) -> Iterable[str]:
    yield from (
        "## Calibration",
        "",
        f"{found['method']}: slope {found['slope']:.3f}, intercept {found['intercept']:.3f}.",
    )
    yield ""
    rows = ((f"{one['promised']:.3f}", f"{one['seen']:.3f}", one["rows"]) for one in found["reliability"])
    yield from _table(("promised share fully paid", "seen", "rows"), rows)
    yield from ("![Calibration](plots/calibration.png)", "")


def _threshold(found: Mapping[str, Any]) -> Iterable[str]:
    yield from ("## Threshold", "")
    yield (
        f"A loan that was expected to be paid and is charged off costs {found['cost_of_loss']:g} times "
        f"a good loan that was refused; so `Fully Paid` is predicted from a probability of {found['value']:.3f} on. "
        "On unseen folds:"
    )
    yield ""
    shown = (
        (name, f"{value:,.3f}" if isinstance(value, float) else value) for name, value in found["outcomes"].items()
    )
    yield from _table(("at the threshold", "value"), shown)


def _features(card: Mapping[str, Any]) -> Iterable[str]:
    yield from ("## Features", "", "Share of all that moves scores (mean absolute SHAP value):", "")
    ranked = sorted(card["importance"].items(), key=lambda one: -one[1])
    yield from _table(("feature", "share"), ((name, f"{share:.1%}") for name, share in ranked))
    yield from ("![SHAP summary](plots/shap.png)", "")


def _groups(groups: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    yield from ("## By group", "", "Groups of fewer than 50 rows are not told.", "")
    rows = (
        (
            one["group"],
            one["value"],
            one["rows"],
            f"{one['promised']:.3f}",
            f"{one['seen']:.3f}",
            f"{one['roc_auc']:.3f}",
        )
        for one in groups
    )
    yield from _table(("group", "value", "rows", "promised", "seen", "ROC-AUC"), rows)


def _making(card: Mapping[str, Any]) -> Iterable[str]:
    yield from (
        "## Made with",
        "",
        ", ".join(f"{name} {number}" for name, number in card["versions"].items()) + ".",
        "",
    )
    yield from _table(("parameter", "value"), card["params"].items())


def _table(head: tuple[str, ...], rows: Iterable[Iterable[Any]]) -> Iterable[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"
    yield ""


def _cell(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return ", ".join(f"{name} {one}" for name, one in value.items()) if isinstance(value, dict) else str(value)
