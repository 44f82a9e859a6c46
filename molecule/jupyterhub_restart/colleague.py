"""Somebody who works at the hub without pause, and keeps count: colleague.py ADDRESS CERTIFICATE FILE

Holds one kernel with a variable behind one websocket, and asks the server and the kernel in turn, without a pause.
What fails is noted with the time; the rest is counted.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time

from hub_client import HUB, HubClient, at_address

address, certificate, file = sys.argv[1:]
at_address(HUB, address)
client = HubClient(f"https://{HUB}/hub/", ca=certificate)
if not client.login("ada", "correct horse battery"):
    raise SystemExit("ada cannot log in")
lab = client.start()
count = {"answers": 0, "failures": []}
with lab.kernel() as kernel:
    kernel.run("held = 41")
    while True:
        try:
            lab.get("api/status").raise_for_status()
            if kernel.run("held + 1") != "42":
                raise ValueError("the variable is gone")
            count["answers"] += 1
        except Exception as error:
            count["failures"].append(f"{time.strftime('%H:%M:%S')} {error!r}")
        # Whoever reads it, or ends this program, never meets half of it.
        pathlib.Path(file + ".new").write_text(json.dumps(count))
        pathlib.Path(file + ".new").replace(file)
