"""A visitor of somebody else's site, who asks without pause and keeps count: patron.py PORT FILE"""

from __future__ import annotations

import http.client
import json
import pathlib
import sys
import time

port, file = sys.argv[1:]
served = failed = 0
while True:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
        connection.request("GET", "/")
        connection.getresponse().read()
        served += 1
    except (OSError, http.client.HTTPException):
        failed += 1
    pathlib.Path(file).write_text(json.dumps({"served": served, "failed": failed}))
    time.sleep(0.02)
