"""A portfolio as pictures: bars that say how the loans of each group go on, as SVG.

Drawn here, not by pygal: bars that lie, with their words beside them, take fewer lines than undoing its scripts and
style sheet. A picture stands alone (no script, font or style from elsewhere), reads on light and on dark ground, and
says in `desc` what it shows. Names come from people, so they reach it as text nodes and attributes only.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from xml.etree import ElementTree

from backend.banking.models import LoanState
from backend.banking.selectors.portfolio import Group, Portfolio

WIDTH, ROW, BAR, TOP, BOTTOM = 800, 34, 18, 96, 20
LABELS, FIGURES = 190, 190  # how wide the words on both sides of the bars are
NAME_MAX = 23
# Told apart by people who see fewer colours too, and at least 3:1 against white and against near-black.
COLORS = {
    LoanState.PAID: ("#1a8a6b", "Paid"),
    LoanState.ACTIVE: ("#3b82c4", "Active"),
    LoanState.PENDING: ("#8b8f98", "Pending"),
    LoanState.REJECTED: ("#a67c52", "Rejected"),
    LoanState.CHARGED_OFF: ("#d9541e", "Charged off"),
}
STYLE = """
text { font: 14px system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; fill: #374151; }
.title { font-size: 20px; font-weight: 600; fill: #111827; }
.figure, .legend { font-size: 13px; fill: #4b5563; }
.axis { stroke: #9ca3af; stroke-width: 1; }
@media (prefers-color-scheme: dark) {
  text { fill: #d1d5db; } .title { fill: #f3f4f6; } .figure, .legend { fill: #b6bcc6; } .axis { stroke: #6b7280; }
}
"""
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def chart_of(portfolio: Portfolio, wanted: str) -> bytes:
    """Return the picture of this name in CHARTS."""
    words, groups_of = CHARTS[wanted]
    groups = groups_of(portfolio)
    title = f"{portfolio.bank.bank_name}: loans by {words} ({portfolio.currency})"
    return _drawn(title, groups, _amount if wanted == "state" else _rate)


CHARTS: Mapping[str, tuple[str, Callable[[Portfolio], list[Group]]]] = {
    "state": ("state", lambda portfolio: portfolio.states),
    "purpose": ("purpose", lambda portfolio: portfolio.purposes),
    "term": ("term", lambda portfolio: portfolio.terms),
    "score": ("credit score", lambda portfolio: portfolio.bands),
}


def _drawn(title: str, groups: Sequence[Group], figure: Callable[[Group], str]) -> bytes:
    height = TOP + max(len(groups), 1) * ROW + BOTTOM
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {height}",
            "width": str(WIDTH),
            "height": str(height),
            "role": "img",
            "aria-labelledby": "title desc",
        },
    )
    _add(root, "title", _clean(title), id="title")
    said = "; ".join(f"{_name(group)}: {group.loans:,} loans, {figure(group)}" for group in groups)
    _add(root, "desc", _clean(said or "There are no loans."), id="desc")
    _add(root, "style", STYLE)
    _add(root, "text", _short(title, 76), **{"class": "title", "x": "16", "y": "34"})
    _legend(root, {state for group in groups for state, count in group.by_state.items() if count})
    most = max((group.loans for group in groups), default=0)
    for number, group in enumerate(groups):
        _row(root, group, TOP + number * ROW, most, figure(group))
    if not groups:
        _add(root, "text", "There are no loans.", x="16", y=str(TOP + 20))
    _add(root, "line", **_axis(height))
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _row(root: ElementTree.Element, group: Group, y: int, most: int, figure: str) -> None:
    middle = str(y + BAR / 2 + 5)
    row = _add(root, "g")
    _add(row, "title", _clean(f"{_name(group)}: {group.loans:,} loans, {figure}"))
    label = {"x": str(LABELS - 10), "y": middle, "text-anchor": "end"}
    _add(row, "text", _short(_name(group), NAME_MAX), **label)
    scale = (WIDTH - LABELS - FIGURES) / most
    x = float(LABELS)
    for state, (color, _) in COLORS.items():
        width = group.by_state[state] * scale
        if width:
            _add(row, "rect", x=f"{x:.2f}", y=str(y), width=f"{width:.2f}", height=str(BAR), fill=color)
        x += width
    _add(row, "text", f"{group.loans:,} · {figure}", **{"class": "figure", "x": f"{x + 8:.2f}", "y": middle})


def _legend(root: ElementTree.Element, states: Iterable[str]) -> None:
    x, shown = 16, set(states)
    for state, (color, words) in COLORS.items():
        if state in shown:
            _add(root, "rect", x=str(x), y="56", width="12", height="12", rx="2", fill=color)
            _add(root, "text", words, **{"class": "legend", "x": str(x + 18), "y": "67"})
            x += 34 + 8 * len(words)


def _axis(height: int) -> dict[str, str]:
    x = str(LABELS - 0.5)
    return {"class": "axis", "x1": x, "y1": str(TOP - 8), "x2": x, "y2": str(height - BOTTOM + 4)}


def _add(parent: ElementTree.Element, tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
    made = ElementTree.SubElement(parent, tag, attributes)
    made.text = text or None
    return made


def _name(group: Group) -> str:
    return COLORS[LoanState(group.name)][1] if group.name in COLORS else group.name


def _rate(group: Group) -> str:
    rate = group.default_rate_percent
    return "none ended" if rate is None else f"{_number(rate)} % default"


def _amount(group: Group) -> str:
    return _number(group.amount)


def _number(value: Decimal) -> str:
    return f"{value:,.2f}".removesuffix(".00")


def _short(words: str, most: int) -> str:
    words = " ".join(_clean(words).split())
    return words if len(words) <= most else words[: most - 1] + "…"


def _clean(words: str) -> str:
    return _NOT_IN_XML.sub("�", words)
