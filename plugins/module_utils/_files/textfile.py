# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics for node_exporter, in the text format of Prometheus. Programs that run on hosts hold this file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def metric(name: str, kind: str, help_text: str, samples: Iterable[tuple[Mapping[str, str], str]]) -> str:
    """The lines of a metric; each of its samples has labels, or none, and a number as text."""
    lines = [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{_labels(labels)} {number}" for labels, number in samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    text = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{text}}}" if text else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
