"""What a measurement says: a figure, and where the project set itself a target, whether it is met."""

from __future__ import annotations

from dataclasses import dataclass

HEADING = f"| {'figure':<54} | {'measured':>10} | {'target':<22} |\n|{'-' * 56}|{'-' * 11}:|{'-' * 24}|"


@dataclass(frozen=True)
class Figure:
    """A measured value in `unit`; smaller is better, and `target` is the largest value that is good enough."""

    name: str
    value: float
    unit: str = ""
    target: float | None = None

    def __str__(self) -> str:
        """A row of a Markdown table, below HEADING."""
        amount = f"{self.value:g}" if isinstance(self.value, int) else f"{self.value:.2f}"
        verdict = ""
        if self.target is not None:
            verdict = f"at most {self.target:g}: {'met' if self.value <= self.target else 'not met'}"
        return f"| {self.name:<54} | {f'{amount} {self.unit}'.strip():>10} | {verdict:<22} |"
