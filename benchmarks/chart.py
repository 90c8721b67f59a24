"""Draw measurements as bars on a logarithmic axis: an SVG without a dependency, to be read on light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import shorten

_WIDTH = 860
_LABELS = 400  # where the bars begin
_RIGHT = 90  # left for the figure behind a bar
_LINE = 26
_TOP = 46
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.small { font-size: 11px; fill: #57606a }
.grid { stroke: #d0d7de; stroke-width: 1 }
.one { stroke: #57606a; stroke-width: 1.5 }
.good { fill: #2f6fb0 } .bad { fill: #bc4c00 } .plain { fill: #8c959f }
.target { stroke: #1a7f37; stroke-width: 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9da7b3 }
  .grid { stroke: #30363d } .one { stroke: #9da7b3 }
  .good { fill: #6cb6ff } .bad { fill: #f0883e } .plain { fill: #6e7681 }
  .target { stroke: #56d364 }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of a chart: a value as a multiple of 1, how it is written, and where its target lies."""

    label: str
    value: float
    text: str
    target: float | None = None
    met: bool | None = None


def draw(title: str, axis: str, bars: Sequence[Bar]) -> str:
    """Return a chart whose bars begin at 1: to the left is less, to the right is more."""
    scale = _Scale([bar.value for bar in bars] + [bar.target for bar in bars if bar.target])
    height = _TOP + _LINE * len(bars) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"',
        f' aria-label="{escape(title)}">\n<style>{_STYLE}</style>\n',
        f'<text x="0" y="16" font-weight="600">{escape(title)}</text>\n',
        f'<text class="small" x="{_WIDTH}" y="16" text-anchor="end">{escape(axis)}</text>\n',
        *_grid(scale, height - 24),
        *(line for place, bar in enumerate(bars) for line in _bar(bar, scale, place)),
        "</svg>\n",
    ]
    return "".join(parts)


class _Scale:
    """Places values on the axis, over whole powers of ten."""

    def __init__(self, values: Sequence[float]) -> None:
        logs = [math.log10(value) for value in [*values, 1.0] if value > 0]
        self.low = math.floor(min(logs))
        self.high = max(math.ceil(max(logs)), self.low + 1)

    def x(self, value: float) -> float:
        """Return where a value lies."""
        at = math.log10(value) if value > 0 else self.low
        share = (at - self.low) / (self.high - self.low)
        return round(_LABELS + share * (_WIDTH - _RIGHT - _LABELS), 1)


def _grid(scale: _Scale, bottom: int) -> Iterator[str]:
    for power in range(scale.low, scale.high + 1):
        x = scale.x(10.0**power)
        style = "one" if power == 0 else "grid"
        text = f"1/{10**-power:,}" if power < 0 else f"{10**power:,}"
        yield f'<line class="{style}" x1="{x}" x2="{x}" y1="{_TOP - 14}" y2="{bottom}"/>\n'
        yield f'<text class="small" x="{x}" y="{bottom + 16}" text-anchor="middle">{text}</text>\n'


def _bar(bar: Bar, scale: _Scale, place: int) -> Iterator[str]:
    y = _TOP + place * _LINE
    start, end = sorted((scale.x(1), scale.x(bar.value)))
    style = {True: "good", False: "bad", None: "plain"}[bar.met]
    width = max(end - start, 2)
    yield f'<text x="0" y="{y + 5}">{escape(_cut(bar.label))}</text>\n'
    yield f'<rect class="{style}" x="{start}" y="{y - 7}" width="{width:.1f}" height="14" rx="2"/>\n'
    if bar.target is not None:
        x = scale.x(bar.target)
        yield f'<line class="target" x1="{x}" x2="{x}" y1="{y - 10}" y2="{y + 10}"/>\n'
    yield f'<text class="small" x="{_WIDTH}" y="{y + 4}" text-anchor="end">{escape(bar.text)}</text>\n'


def _cut(label: str) -> str:
    return shorten(label, 58, placeholder=" …")
