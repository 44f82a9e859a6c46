"""Nothing of the role is left, and the homes are as they were."""

from __future__ import annotations

from playbook import changes, inventory_options, run_ansible

LEFT = (
    "/etc/nbops-nfs-home /etc/exports.d/nbops* /etc/nfs.conf.d/nbops* "
    "/etc/systemd/system/{srv-,nbops-nfs-,rpcbind,*/srv-}*"
)


def test_nothing_is_left(host, server) -> None:
    for machine in (host, server):
        assert machine.run(f"bash -c 'ls --directory {LEFT}'").stdout == ""
        assert not any(machine.package(name).is_installed for name in ("nfs-common", "nfs-kernel-server", "rpcbind"))
        assert " /srv/homes " not in machine.file("/proc/self/mountinfo").content_string
        assert machine.run("systemctl --failed --plain --no-legend").stdout == ""
    assert not server.socket("tcp://0.0.0.0:2049").is_listening


def test_homes_stay(host, server) -> None:
    assert server.check_output("runuser -u eve -- cat /srv/homes/eve/before") == "before"
    assert server.check_output("stat --format='%%U %%a' %s", "/srv/homes/eve") == "eve 700"
    assert host.run("ls /srv/homes").stdout == ""
    assert host.user("eve").exists


def test_another_run_finds_nothing() -> None:
    run = run_ansible("molecule/nfs_home/remove.yml", *inventory_options("nfs_home/inventory/hosts.yml"))
    assert run.returncode == 0, run.stdout + run.stderr
    assert changes(run) == 0
