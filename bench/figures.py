"""Measurements, their medians, and the limits they are held against."""

import json
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round of one variant showed."""

    operations: int
    seconds: float
    cpu_s: float
    delays_s: Sequence[float] = ()

    @property
    def cpu_us(self) -> float:
        """Server CPU for each operation, in microseconds."""
        return self.cpu_s / max(self.operations, 1) * 1e6

    @property
    def rate(self) -> float:
        return self.operations / self.seconds

    def delay_ms(self, share: float) -> float:
        return percentile(self.delays_s, share) * 1e3


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise of the design, and whether this run kept it."""

    name: str
    value: float
    limit: float
    at_least: bool

    @property
    def passed(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass
class Report:
    """Collects the samples of all rounds; prints tables and verdicts as they come."""

    tables: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    def table(self, title: str, unit: str, samples: dict[str, list[Sample]]) -> None:
        """Print the median of each variant, with the lowest and highest round, since machines are noisy."""
        print(
            f"\n{title}\n  {'':26}{'CPU us/' + unit:>14}  {'lowest-highest':>15}{'of them/s':>14}{'p50 / p99 ms':>18}"
        )
        rows = self.tables[title] = {name: _medians(rounds) for name, rounds in samples.items()}
        for name, row in rows.items():
            span = f"{row['cpu_us_lowest']:.0f}-{row['cpu_us_highest']:.0f}"
            delays = f"{row['p50_ms']:.1f} / {row['p99_ms']:.1f}"
            print(f"  {name:26}{row['cpu_us']:14.1f}  {span:>15}{row['rate']:14.0f}{delays:>18}", flush=True)

    def line(self, title: str, **numbers: float) -> None:
        """Print something that is no promise, for scale."""
        self.tables.setdefault("for scale", {})[title] = numbers
        shown = ", ".join(
            f"{name.replace('_', ' ')} {value:,.{0 if value % 1 == 0 else 2}f}" for name, value in numbers.items()
        )
        print(f"  {title:44}{shown}", flush=True)

    def hold(self, name: str, value: float, *, at_least: float | None = None, at_most: float | None = None) -> None:
        """Hold a figure against its limit, and print PASS or FAIL."""
        limit = at_least if at_least is not None else at_most
        assert limit is not None
        verdict = Verdict(name, value, limit, at_least is not None)
        self.verdicts.append(verdict)
        word, sign = "PASS" if verdict.passed else "FAIL", ">=" if verdict.at_least else "<="
        print(f"  {word}  {name}: {value:.2f} (limit {sign} {limit:g})", flush=True)

    @property
    def passed(self) -> bool:
        return all(verdict.passed for verdict in self.verdicts)

    def save(self, path: Path) -> None:
        verdicts = [{**asdict(verdict), "passed": verdict.passed} for verdict in self.verdicts]
        path.write_text(json.dumps({"tables": self.tables, "verdicts": verdicts}, indent=2) + "\n")


class Rounds:
    """The samples of interleaved rounds, by variant."""

    def __init__(self) -> None:
        self.samples: defaultdict[str, list[Sample]] = defaultdict(list)

    def add(self, variant: str, sample: Sample) -> None:
        self.samples[variant].append(sample)

    def ratio(self, above: str, below: str) -> float:
        """Return the median over the rounds of the CPU of `above` against that of `below` in the same round."""
        pairs = zip(self.samples[above], self.samples[below], strict=True)
        return statistics.median(a.cpu_us / b.cpu_us for a, b in pairs)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value % 1 == 0 else f"{value:,.2f}"


def percentile(values: Sequence[float], share: float) -> float:
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _medians(rounds: Sequence[Sample]) -> dict[str, float]:
    cpu = [sample.cpu_us for sample in rounds]
    return {
        "cpu_us": statistics.median(cpu),
        "cpu_us_lowest": min(cpu),
        "cpu_us_highest": max(cpu),
        "rate": statistics.median(sample.rate for sample in rounds),
        "operations": sum(sample.operations for sample in rounds),
        "p50_ms": statistics.median(sample.delay_ms(0.5) for sample in rounds),
        "p99_ms": statistics.median(sample.delay_ms(0.99) for sample in rounds),
    }
