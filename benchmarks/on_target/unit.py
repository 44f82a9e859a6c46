"""Prints as JSON the exposure of the unit in argv[1], and for each of three starts the seconds to its first page on the
UNIX socket in argv[2] and the megabytes that its main process then has in memory.
"""

import json
import pathlib
import re
import socket
import subprocess
import sys
import time

STARTS = 3
LONGEST = 60  # seconds
unit, path = sys.argv[1:]


def systemctl(*arguments):
    return subprocess.run(["systemctl", *arguments, unit], stdout=subprocess.PIPE, text=True, check=True).stdout


def answers():
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.settimeout(LONGEST)
            connection.connect(path)
            connection.sendall(b"GET /login HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


def seconds_to_page():
    systemctl("stop", "--quiet")  # it warns that the socket may start the service again
    start = time.monotonic()
    systemctl("start", "--no-block")
    while not answers():
        if time.monotonic() - start > LONGEST:
            sys.exit(f"{unit} has no page at {path} after {LONGEST} s")
        time.sleep(0.01)
    return time.monotonic() - start


def resident_mb():
    systemctl("start")  # waits for what is left of the start
    process = systemctl("show", "--value", "--property=MainPID").strip()
    status = pathlib.Path("/proc", process, "status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+) kB", status).group(1)) / 1024


verdict = subprocess.run(
    ["systemd-analyze", "security", "--no-pager", unit], stdout=subprocess.PIPE, text=True, check=True
).stdout
result = {
    "exposure": float(re.search(r"Overall exposure level for .*: ([\d.]+)", verdict).group(1)),
    "seconds": [],
    "resident_mb": [],
}
for dummy in range(STARTS):
    result["seconds"].append(seconds_to_page())
    result["resident_mb"].append(resident_mb())
print(json.dumps(result))
