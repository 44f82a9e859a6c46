"""Prints as JSON the seconds that a list of a thousand users takes: the whole of it, with accounts; in three runs the
hub's part of it, where the accounts are there already; and as often with nothing to do.

Runs as root after hub_users.yml, which leaves the module with the list.
"""

import glob
import json
import os
import subprocess
import time

RUNS = 3
USERS = 1000


def empty_hub():
    subprocess.run(["systemctl", "stop", "jupyterhub"], check=True)
    for file in glob.glob("/var/lib/jupyterhub/jupyterhub.sqlite*"):
        os.remove(file)
    subprocess.run(["systemctl", "start", "jupyterhub"], check=True)  # waits until it answers


def module(records, accounts):
    """The seconds of a run that makes so many of both."""
    (payload,) = glob.glob("/home/ansible/.ansible/tmp/*/AnsiballZ_jupyterhub_users.py")
    start = time.monotonic()
    done = subprocess.run(["/usr/bin/python3", payload], stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.monotonic() - start
    result = json.loads(done.stdout)
    made = len(result["users"]["created"]), len(result["accounts"]["created"])
    assert made == (records, accounts), made
    assert result["changed"] == any(made)
    return seconds


times = {"whole": [], "records": [], "unchanged": []}
empty_hub()
times["whole"].append(module(USERS, USERS))
for dummy in range(RUNS):
    empty_hub()
    times["records"].append(module(USERS, 0))
    times["unchanged"].append(module(0, 0))
print(json.dumps(times))
