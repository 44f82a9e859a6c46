"""Nothing of the roles is left, and people are as they were."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("name", ["slurm-debian-13", "slurm-node1", "slurm-node2"])
def test_nothing_is_left(other, name):
    host = other(name)
    left = (
        "/opt/jupyterhub /etc/jupyterhub /var/lib/jupyterhub /run/jupyterhub* /etc/systemd/system/jupyterhub* "
        "/etc/nbops-slurm /etc/munge/munge.key /etc/slurm/*.conf /var/lib/slurm/slurmd /var/lib/slurm/slurmctld "
        "/var/lib/slurm/job_container /etc/systemd/system/slurm*"
    )
    assert host.run(f"ls --directory {left}").stdout == ""
    assert (
        host.run("dpkg-query --show --showformat='${Package}' slurmd slurmctld slurmdbd slurm-client munge").stdout
        == ""
    )
    assert host.run("ps -C slurmd,slurmctld,slurmdbd,slurmstepd,munged -o pid=").stdout == ""
    assert host.run("grep --recursive slurm /etc/pam.d /usr/share/pam-configs").stdout == ""
    assert "pam_systemd.so" in host.file("/etc/pam.d/common-session").content_string
    assert host.user("ada").exists


def test_what_the_accounting_knew_stays(host):
    assert "slurm_acct_db" in host.check_output("mariadb --execute 'SHOW DATABASES'")
