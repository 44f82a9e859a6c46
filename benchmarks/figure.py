"""One row of the table of results: a figure and, where the project has set a target, whether it is met."""

from __future__ import annotations

from dataclasses import dataclass

RATIO = "times"  # unit of a figure that is one measurement divided by another
BEGIN, END = "<!-- results: written by script/bench -->", "<!-- end of results -->"


def _row(name: str, measured: str, target: str, met: str) -> str:
    return f"| {name:<58} | {measured:>11} | {target:<19} | {met:<3} |"


HEADING = f"{_row('figure', 'measured', 'target', 'met')}\n|{'-' * 60}|{'-' * 12}:|{'-' * 21}|{'-' * 5}|"


@dataclass(frozen=True)
class Figure:
    """A measured value in `unit`. The target is met up to `most`, or from `least` on."""

    name: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None

    def __str__(self) -> str:
        """A row of a Markdown table, below HEADING."""
        amount = f"{self.value}" if isinstance(self.value, int) else f"{self.value:.2f}"
        return _row(self.name, self._with_unit(amount), *self._verdict())

    def _verdict(self) -> tuple[str, str]:
        if self.most is not None:
            return self._with_unit(f"at most {self.most:g}"), "yes" if self.value <= self.most else "no"
        if self.least is not None:
            return self._with_unit(f"at least {self.least:g}"), "yes" if self.value >= self.least else "no"
        return "", ""

    def _with_unit(self, amount: str) -> str:
        return f"{amount} {self.unit}".strip()


def with_results(readme: str, lines: list[str]) -> str:
    """The text of README.md with `lines` in place of what is between the two marks."""
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    return "\n".join([before + BEGIN, *lines, END]) + after
