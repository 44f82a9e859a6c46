"""What the graders say of a host, and the visitor who sees it himself."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from visitor import Visitor

NAME = "lab.example.org"
AUTHORITY = "/etc/ssl/jupyter/.authority/fullchain.pem"
GRADES = pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture
def visitor(host, address: str) -> Visitor:
    return Visitor(address, host.file(AUTHORITY).content_string)


@pytest.fixture
def mozilla(host, address: str, tmp_path: pathlib.Path) -> Callable[[str], set[str]]:
    """Asks sslyze what keeps the host from one of Mozilla's profiles; nothing, where it complies."""
    authority = tmp_path / "authority.pem"
    authority.write_text(host.file(AUTHORITY).content_string)

    def faults(profile: str) -> set[str]:
        command = [
            sys.executable, "-W", "ignore", "-m", "sslyze", f"--mozilla_config={profile}", f"--sni={NAME}",
            f"--certinfo_ca_file={authority}", f"{address}:443",
        ]  # fmt: skip
        said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        verdict = said.stdout.partition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
        found = set(re.findall(r"^\s+\* (\w+): ", verdict, re.MULTILINE))
        assert (said.returncode == 0) == ("OK - Compliant" in verdict) == (not found), said.stdout + said.stderr
        return found

    return faults


class Report(dict):
    """The findings of testssl.sh, by what they are about."""

    # What it holds against the test, not against the site.
    excused = frozenset(
        {
            "cert_revocation",  # the authority of the test publishes no list of what it revoked; a public one does
            "DNS_CAArecord",  # example.org has no DNS here
        }
    )

    @property
    def faults(self) -> frozenset[str]:
        """Everything from severity LOW on. A WARN speaks of the grader: it could not look."""
        serious = {"LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL"}
        return frozenset(name for name, finding in self.items() if finding["severity"] in serious)

    def says(self, name: str) -> str:
        return self[name]["finding"]


@pytest.fixture
def testssl(host) -> Callable[[str], Report]:
    """What testssl.sh reported while the host had a profile."""

    def report(profile: str) -> Report:
        findings = json.loads((GRADES / f"{host.backend.host}-{profile}.json").read_text())
        return Report((finding["id"], finding) for finding in findings)

    return report


@pytest.fixture
def handshake(host) -> Callable[[str, str], str]:
    """What openssl says of a handshake with a host name and options; an AssertionError where the host refuses it."""

    def shake(name: str, options: str = "") -> str:
        server_name = f"-servername {name}" if name else "-noservername"
        command = f"openssl s_client -connect 127.0.0.1:443 {server_name} {options} < /dev/null"
        said = host.run(command)
        assert said.rc == 0, said.stdout + said.stderr
        return said.stdout

    return shake
