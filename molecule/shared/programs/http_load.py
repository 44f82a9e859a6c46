"""Ask a URL again and again and write the counts of good and failed answers to a file: http_load.py URL EXPECTED FILE

An answer is good if its status is 200 and its body holds the expected text. The host must trust the certificate.
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
