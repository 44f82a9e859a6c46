"""A lab that is away: systemd has its address, so whoever visits it is connected, and nobody answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from authority import root
from visitor import Visitor

UNIT = "jupyterlab-lab.service"
DROP_IN = f"/run/systemd/system/{UNIT}.d"
FAILING = f"""
mkdir {DROP_IN} && printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' >{DROP_IN}/fails.conf
systemctl daemon-reload && ! systemctl restart {UNIT}
"""
# What takes the lab away, and what brings it back.
AWAY = {
    "stopped": (f"systemctl stop {UNIT}", f"systemctl start {UNIT}"),
    "failing at its start": (FAILING, f"rm -r {DROP_IN} && systemctl daemon-reload && systemctl restart {UNIT}"),
}


@contextlib.contextmanager
def away(host, state: str) -> Iterator[None]:
    take, bring_back = AWAY[state]
    host.check_output(take)
    try:
        yield
    finally:
        host.check_output(bring_back)


@pytest.mark.parametrize("state", AWAY)
def test_a_visitor_reads_what_to_do_and_an_application_may_go_on_thinking(
    host, address: str, domain: str, state: str
) -> None:
    """Whatever is no page of Jupyter's own may be silent for longer, and is answered once the lab is back."""
    reader, caller = (Visitor(address, root(host), patience=patience) for patience in (90, 600))
    with ThreadPoolExecutor() as others:
        with away(host, state):
            application = others.submit(caller.ask, domain, "/alice/proxy/8501/")
            paths = ("/alice/", "/alice/login", "/alice/lab/tree/answer.ipynb")
            for page in [others.submit(reader.ask, domain, path) for path in paths]:
                answer = page.result()
                assert answer.status == 504
                assert b"tell the administrators" in answer.body
            assert host.check_output("systemctl is-active jupyterlab-lab.socket") == "active"
            assert not application.done()
        assert application.result().status in (302, 403, 404)
