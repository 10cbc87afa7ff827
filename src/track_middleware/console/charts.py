"""Charts as SVG: bars and lines, readable in light and dark, beside a table of their numbers.

Across, everything lies at a share of the width that there is, so that a text is as large on a phone
as on a desk; down, at pixels. Colours and fonts come from the stylesheet by class; an answer may
hold no style of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

#: Pixels from the top of the picture, which is as high as the stylesheet says (``svg.chart``), to
#: the axis' end, and from there to its beginning. The values' words stand left of the picture.
_TOP, _ROOM, _WORDS = 10, 184, 18
_BELOW = _TOP + _ROOM

#: So many series have a colour of their own.
COLOURS = 6

#: Labels below the axis that have room beside each other; on a phone every second one.
_LABELS = 8
_SELDOM = ' class="seldom"'

#: The most of the width that a bar takes, in per cent.
_WIDEST = 9.0


def bars(
    title: str, labels: Sequence[str], series: Mapping[str, Sequence[float]], *, unit: str = ""
) -> Markup:
    """Stacked bars, one for each label (a day): ``series`` are numbers by name, each as long as
    ``labels``; none below 0. ``title`` says to a screen reader what is seen."""
    sums = [sum(values) for values in zip(*series.values(), strict=True)] if series else []
    frame = _Frame(labels, max(sums, default=0.0))
    width = min(_WIDEST, frame.step * 0.72)
    parts = []
    base = [0.0] * len(labels)
    for number, (name, values) in enumerate(series.items()):
        for at, value in enumerate(values):
            if value <= 0:
                continue
            top, bottom = frame.y(base[at] + value), frame.y(base[at])
            told = escape(f"{labels[at]}: {_short(value)}{unit} {name}")
            parts.append(
                f'<rect class="c{number % COLOURS}" x="{frame.x(at) - width / 2:.2f}%" '
                f'y="{top:.1f}" width="{width:.2f}%" height="{max(0.5, bottom - top):.1f}">'
                f"<title>{told}</title></rect>"
            )
            base[at] += value
    return _picture(title, frame, parts, tuple(series), unit)


def lines(
    title: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]], *,
    unit: str = "",
) -> Markup:  # fmt: skip
    """A line for each series; where a value is None the line is broken."""
    known = [value for values in series.values() for value in values if value is not None]
    frame = _Frame(labels, max(known, default=0.0))
    drawn, dots = [], []
    for number, values in enumerate(series.values()):
        colour = f"c{number % COLOURS}"
        for piece in _pieces(values):
            spots = [(frame.x(at), frame.y(value)) for at, value in piece]
            if len(spots) == 1:
                ((x, y),) = spots
                dots.append(f'<circle class="{colour}" cx="{x:.2f}%" cy="{y:.1f}" r="3"/>')
                continue
            points = " ".join(f"{x:.2f},{y:.1f}" for x, y in spots)
            drawn.append(f'<polyline class="line {colour}" points="{points}"/>')
    # Points have no per cents: they lie in a picture of their own, which is drawn out.
    stretched = (
        f'<svg width="100%" height="{_BELOW}" viewBox="0 0 100 {_BELOW}" '
        f'preserveAspectRatio="none">{"".join(drawn)}</svg>'
    )
    return _picture(title, frame, [stretched, *dots], tuple(series), unit)


class _Frame:
    """Where a value lies in the picture: across in per cent, down in pixels; the axis ends at a
    round number."""

    def __init__(self, labels: Sequence[str], most: float) -> None:
        self.labels = labels
        self.top = _round(most)
        self.step = 100 / max(1, len(labels))

    def x(self, at: int) -> float:
        return self.step * (at + 0.5)

    def y(self, value: float) -> float:
        return _TOP + _ROOM * (1 - min(max(value, 0.0), self.top) / self.top)


def _picture(
    title: str, frame: _Frame, parts: Sequence[str], names: Sequence[str], unit: str
) -> Markup:
    axes = [*_rules(frame, unit), *_days(frame)]
    svg = (
        f'<svg class="chart" role="img">'
        f"<title>{escape(title)}</title>{''.join(axes)}{''.join(parts)}</svg>"
    )
    return Markup(svg + _legend(names))


def _rules(frame: _Frame, unit: str) -> list[str]:
    found = []
    for part in (0.0, 0.5, 1.0):
        y, value = frame.y(frame.top * part), escape(f"{_short(frame.top * part)}{unit}")
        found.append(f'<line class="rule" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{value}</text>')  # fmt: skip
    return found


def _days(frame: _Frame) -> list[str]:
    every = max(1, math.ceil(len(frame.labels) / _LABELS))
    return [
        f'<text{_SELDOM if at // every % 2 else ""} x="{frame.x(at):.2f}%" y="{_BELOW + _WORDS}" '
        f'text-anchor="middle">{escape(_brief(label))}</text>'
        for at, label in enumerate(frame.labels)
        if at % every == 0
    ]


def _brief(label: str) -> str:
    """A day without its year; anything else so far as there is room."""
    is_day = len(label) == 10 and label[4] == label[7] == "-"
    return label[5:] if is_day else label[:12]


def _legend(names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    items = (
        f'<li><svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class='
        f'"c{number % COLOURS}" width="10" height="10"/></svg> {escape(name)}</li>'
        for number, name in enumerate(names)
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _pieces(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    pieces: list[list[tuple[int, float]]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((at, value))
    return [piece for piece in pieces if piece]


def _round(most: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    if not 0 < most < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(power * step for step in (1, 2, 5, 10) if most <= power * step * 1.0000001)


def _short(value: float) -> str:
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.3g}"
