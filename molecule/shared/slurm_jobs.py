"""Jobs of a Slurm cluster, as people submit them and as the administrator sees them."""

from __future__ import annotations

import re
import shlex

from waiting import wait_until


class Person:
    """Somebody with a shell on a host."""

    def __init__(self, host, name: str) -> None:
        self._host, self._name = host, name

    def run(self, *command: str):
        """What a command has answered; one that waits for resources for ever is cut off."""
        return self._host.run(f"timeout 120 runuser --login {self._name} --command {shlex.quote(shlex.join(command))}")

    def output(self, *command: str) -> str:
        """The output of a command that ends well."""
        answer = self.run(*command)
        assert answer.rc == 0, answer.stderr
        return answer.stdout.strip()

    def submit(self, script: str, *options: str) -> str:
        """Submit a job of a shell's commands, and return its number."""
        return self.output("sbatch", "--parsable", "--output=/dev/null", *options, f"--wrap={script}")

    def end(self, job: str) -> None:
        """End a job, and wait until it has ended."""
        self.output("scancel", job)
        wait_until(lambda: state(self._host, job) == "CANCELLED")


def state(host, job: str) -> str:
    """The state of a job, as the administrator sees it."""
    return field(host, job, "JobState")


def field(host, job: str, name: str) -> str:
    """What the controller says of a job."""
    return re.search(rf"\b{name}=(\S*)", host.check_output(f"scontrol show job {job}"))[1]
