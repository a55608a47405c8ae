"""Pictures of a summary as SVG, drawn by pygal. They stand alone: no script, no font or style from elsewhere.

Names come from people, so they reach the picture as text nodes only (pygal builds an XML tree, which escapes them).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element

import pygal
from pygal.style import Style

from backend.budget.models import Kind
from backend.budget.selectors.summaries import Summary

INCOME_COLOR, EXPENSE_COLOR, REST_COLOR = "#2E7D32", "#E4572E", "#BDBDBD"
WIDTH, HEIGHT = 800, 420
SLICES_MAX = 8
LABELS_MAX = 12
GUIDES = "inline:.guide.line, .major.guide.line {stroke: #CFD8DC !important}"
NAME_MAX = 24
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def months_chart(summary: Summary) -> bytes:
    """Income and expenses side by side, month by month."""
    is_empty = not any(one.income or one.expense for one in summary.months)
    chart: Any = pygal.Bar(
        **_common([INCOME_COLOR, EXPENSE_COLOR], f"Income and expenses to {summary.month:%B %Y}"),
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        include_x_axis=True,
        spacing=16,
        rounded_bars=2,
        show_y_labels=not is_empty,
        show_legend=not is_empty,
        no_data_text=f"Nothing entered to {summary.month:%B %Y}",
    )
    chart.y_labels = _ticks(max(float(max(one.income, one.expense)) for one in summary.months))
    every = -(-len(summary.months) // LABELS_MAX)
    last = len(summary.months) - 1
    chart.x_labels = [
        f"{one.month:%b %y}" if (last - number) % every == 0 else "" for number, one in enumerate(summary.months)
    ]
    chart.add("Income", [] if is_empty else [float(one.income) for one in summary.months])
    chart.add("Expenses", [] if is_empty else [float(one.expense) for one in summary.months])
    return _drawn(chart)


def categories_chart(summary: Summary, kind: str, words: str) -> bytes:
    """The month's sums of one kind by category, in the categories' own colours; the smallest ones together."""
    found = [one for one in summary.categories if one.kind == kind and one.compared.total > 0]
    shown, rest = found[:SLICES_MAX], found[SLICES_MAX:]
    slices = [(_short(one.name), one.compared.total, one.hex_color) for one in shown]
    if rest:
        slices.append((f"{len(rest)} more", sum((one.compared.total for one in rest), Decimal(0)), REST_COLOR))
    chart: Any = pygal.Pie(
        **_common([color for _, _, color in slices], f"{words} in {summary.month:%B %Y}"),
        inner_radius=0.55,
        no_data_text=f"No {words.lower()} in {summary.month:%B %Y}",
    )
    total = sum((amount for _, amount, _ in slices), Decimal(0))
    for name, amount, _ in slices:
        chart.add(f"{name}  {_money(amount)}  ({amount * 100 / total:.0f} %)", float(amount))
    return _drawn(chart)


CHARTS: Mapping[str, Callable[[Summary], bytes]] = {
    "months": months_chart,
    "expenses": lambda summary: categories_chart(summary, Kind.EXPENSE, "Expenses"),
    "incomes": lambda summary: categories_chart(summary, Kind.INCOME, "Income"),
}


def _common(colors: Sequence[str], title: str) -> dict[str, Any]:
    style = Style(
        background="#FFFFFF",
        plot_background="#FFFFFF",
        foreground="#37474F",
        foreground_strong="#263238",
        foreground_subtle="#CFD8DC",
        colors=tuple(colors) or (REST_COLOR,),
        opacity="1",
        opacity_hover="1",
        font_family=FONT,
        title_font_size=20,
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=14,
        no_data_font_size=20,
        guide_stroke_dasharray="2,3",
        major_guide_stroke_dasharray="2,3",
    )
    return {
        "style": style,
        "title": title,
        "width": WIDTH,
        "height": HEIGHT,
        "js": (),
        "css": ("file://style.css", "file://graph.css", GUIDES),
        "value_formatter": _money,
        "truncate_legend": -1,
        "truncate_label": -1,
        "margin": 16,
    }


def _ticks(top: float) -> list[float]:
    """Return round numbers from 0 to above `top`, at most six."""
    power = 10.0 ** math.floor(math.log10(max(top, 1.0) / 5))
    step = next(power * one for one in (1, 2, 5, 10) if power * one * 5 >= top)
    return [step * number for number in range(math.ceil(top / step) + 1)]


def _money(value: Any) -> str:
    return f"{value:,.2f}".removesuffix(".00")


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= NAME_MAX else name[: NAME_MAX - 1] + "…"


def _drawn(chart: Any) -> bytes:
    chart.add_xml_filter(_without_scripts)
    return bytes(chart.render())


def _without_scripts(root: Element) -> Element:
    """Take pygal's scripts out: they would carry the chart's configuration, and name another host."""
    for parent in root.iter():
        for child in list(parent):
            tag: Any = child.tag  # of a comment, a function
            if isinstance(tag, str) and tag.rpartition("}")[2] == "script":
                parent.remove(child)
    return root
