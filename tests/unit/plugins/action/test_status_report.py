"""How a row of the status is shown."""

from __future__ import annotations

from ansible_collections.nbops.jupyter.plugins.action.status_report import line


def test_what_somebody_wrote_tells_the_terminal_nothing() -> None:
    name = "\x1b]0;all is well\x07\x1b[2K\u202eb\x9b"
    shown = line({"check": "backup", "state": "red", "text": f"/home/ada/{name}\ncannot be read"}, 200)
    assert shown.isprintable()
    assert shown.endswith("b\N{REPLACEMENT CHARACTER} cannot be read")
