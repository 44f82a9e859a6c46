"""Use a server of the hub ten times a second and write the counts to a file: kernel_load.py ADDRESS CERTIFICATE FILE

One kernel holds a variable behind one websocket; the server and the kernel are asked in turn.
Failures are noted with their time, answers are counted. It ends when nothing has answered for ten minutes, as after a
scenario that failed and removed its host.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time

from hub import HUB, at_address
from hub_client import HubClient

address, certificate, file = sys.argv[1:]
at_address(HUB, address)
client = HubClient(f"https://{HUB}/hub/", ca=certificate)
if not client.login("ada", "correct horse battery"):
    raise SystemExit("ada cannot log in")
lab = client.start()
count = {"answers": 0, "failures": []}
with lab.kernel() as kernel:
    kernel.run("held = 41")
    answered = time.monotonic()
    while time.monotonic() < answered + 600:
        try:
            lab.get("api/status").raise_for_status()
            if kernel.run("held + 1") != "42":
                raise ValueError("the variable is gone")
            count["answers"] += 1
            answered = time.monotonic()
        except Exception as error:
            count["failures"].append(f"{time.strftime('%H:%M:%S')} {error!r}")
        # A reader never sees half of the file, even if this program is ended now.
        pathlib.Path(file + ".new").write_text(json.dumps(count))
        pathlib.Path(file + ".new").replace(file)
        # Without a pause it would take a processor from what it watches.
        time.sleep(0.1)
