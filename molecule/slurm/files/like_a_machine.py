"""Give a container what Slurm's nodes find on a machine. Runs at each start, before slurmd."""

from __future__ import annotations

import os
import pathlib
import subprocess

# Of hybrid cgroups, the container may not write what jobs are confined by.
for controller in ("cpuset", "devices", "freezer"):
    directory = pathlib.Path("/sys/fs/cgroup", controller)
    if directory.is_dir() and not directory.is_symlink():
        subprocess.run(["mount", "-o", "remount,bind,rw", str(directory)], check=True)

# Linux pins a mount namespace, as slurmd does for the /tmp of a job, only inside of one with a smaller number. Since
# 6.18 each processor takes numbers from a batch of its own, so a new namespace may have a smaller number than that of
# the container. A machine's first namespace has the smallest of all. Here, each processor begins another batch.
BATCH = 4096
for processor in os.sched_getaffinity(0):
    os.sched_setaffinity(0, {processor})
    for _number in range(BATCH):
        os.unshare(os.CLONE_NEWUTS)
