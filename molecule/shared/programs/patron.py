"""A visitor of somebody else's site on this host, who asks without pause and keeps count: patron.py URL EXPECTED FILE

What does not answer with 200 and the expected text in its body counts as failed. The certificate has to be among the
host's.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time
import urllib.request

url, expected, file = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
served = failed = 0
while True:
    try:
        with opener.open(url, timeout=5) as response:
            good = response.status == 200 and expected.encode() in response.read()
    except OSError:
        good = False
    served, failed = served + good, failed + (not good)
    pathlib.Path(file).write_text(json.dumps({"served": served, "failed": failed}))
    time.sleep(0.1)
