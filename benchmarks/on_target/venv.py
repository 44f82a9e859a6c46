"""Prints as JSON the seconds of five runs each: python_release unchanged and building, an empty module, and uv alone.

Runs as root after venv.yml, which leaves the modules with their arguments and the first release.
"""

import glob
import json
import os
import shutil
import subprocess
import tempfile
import time

RUNS = 5
APPLICATION = "/opt/jupyterlab"
UV_CACHE = "/opt/python_venv/cache"
PLAIN = "/opt/bench"

(uv,) = glob.glob("/opt/python_venv/uv/*/bin/uv")
current = os.path.realpath(f"{APPLICATION}/current")
python = os.path.realpath(f"{current}/bin/python")
lock = "/opt/bench.txt"
shutil.copy(f"{current}/lock.txt", lock)


def payload(name):
    (path,) = glob.glob(f"/home/ansible/.ansible/tmp/*/AnsiballZ_{name}.py")
    return path


def seconds(*commands):
    start = time.monotonic()
    for command in commands:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def module(name):
    return seconds(["/usr/bin/python3", payload(name)])


def set_aside(path):
    """Nothing is removed: for minutes after that, a file system without a journal makes new files slowly."""
    if os.path.exists(path):
        os.rename(path, os.path.join(tempfile.mkdtemp(dir="/opt"), "old"))


def build():
    """With the cache of uv empty, as at the first deployment."""
    set_aside(APPLICATION)
    set_aside(UV_CACHE)
    return module("python_release")


def plain():
    set_aside(PLAIN)
    os.environ.update(UV_CACHE_DIR=f"{PLAIN}/cache", UV_SYSTEM_CERTS="1")
    sync = ["pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", "--python", f"{PLAIN}/venv", lock]
    return seconds([uv, "venv", "--quiet", "--python", python, f"{PLAIN}/venv"], [uv, *sync])


times = {"ping": [], "unchanged": [], "build": [], "plain": []}
for number in range(RUNS):
    for name, run in [("build", build), ("plain", plain)][:: -1 if number % 2 else 1]:
        times[name].append(run())
    times["unchanged"].append(module("python_release"))
    times["ping"].append(module("ping"))
print(json.dumps(times))
