"""What a measurement says: a figure, and where the project set itself a target, whether it is met."""

from __future__ import annotations

from dataclasses import dataclass

HEADING = f"| {'figure':<54} | {'measured':>10} | {'target':<22} |\n|{'-' * 56}|{'-' * 11}:|{'-' * 24}|"


@dataclass(frozen=True)
class Figure:
    """A measured value in `unit`; it is good enough up to `target`, or from `least` on."""

    name: str
    value: float
    unit: str = ""
    target: float | None = None
    least: float | None = None

    def __str__(self) -> str:
        """A row of a Markdown table, below HEADING."""
        amount = f"{self.value:g}" if isinstance(self.value, int) else f"{self.value:.2f}"
        return f"| {self.name:<54} | {f'{amount} {self.unit}'.strip():>10} | {self._verdict():<22} |"

    def _verdict(self) -> str:
        if self.target is not None:
            return f"at most {self.target:g}: {'met' if self.value <= self.target else 'not met'}"
        if self.least is not None:
            return f"at least {self.least:g}: {'met' if self.value >= self.least else 'not met'}"
        return ""
