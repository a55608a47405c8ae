"""What the command lines share."""

import argparse
import sys
from collections.abc import Callable

from ml.errors import ModelError

REFUSED = 2


def run(name: str, work: Callable[[], int]) -> int:
    """Return the work's code; what is wrong with its data is one line and code 2."""
    try:
        return work()
    except ModelError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return REFUSED


def parser(name: str, about: str | None) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"python -m {name}", description=(about or "").split("\n\n")[0])


def say(words: str) -> None:
    print(words, flush=True)


def hold(
    name: str, value: float, spread: object, *, at_least: float | None = None, at_most: float | None = None
) -> bool:
    """Print a figure beside its limits, and whether it keeps them."""
    kept = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
    limits = [f">= {at_least:g}"] if at_least is not None else []
    limits += [f"<= {at_most:g}"] if at_most is not None else []
    say(f"  {'PASS' if kept else 'FAIL'}  {name}: {spread} (limit {' and '.join(limits)})")
    return kept
