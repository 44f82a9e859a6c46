"""Nothing of ours is left, nothing of others is lost."""

NAMES = "probe-* worker@* lonely* echo* tick* inbox* notebooks* mnt-scratch* hungry* forking* crash* gone* mute* young*"


def test_no_unit_runs_or_is_remembered(host):
    patterns = " ".join(f"'{name}'" for name in NAMES.split())
    assert host.check_output(f"systemctl list-units --all --no-legend --plain {patterns}") == ""
    assert host.run(f"systemctl list-unit-files --no-legend {patterns}").stdout == ""
    assert host.check_output("systemctl --failed --no-legend") == ""


def test_no_file_is_left(host):
    assert host.check_output("grep -rl 'nbops' /etc/systemd /usr/local/lib || true") == ""
    assert host.check_output("find /etc/systemd -xtype l -not -name masked.service") == ""
    for path in ("/usr/local/lib/nbops-wait-ready.py", "/var/lib/systemd/timers/stamp-tick.timer"):
        assert not host.file(path).exists
    for name in ("foreign", "person-"):
        assert not host.file(f"/etc/systemd/system/{name}.service.d").exists


def test_mount_is_gone(host):
    assert not host.mount_point("/mnt/scratch").exists


def test_units_of_the_host_are_untouched(host):
    assert host.service("ssh").is_running
    assert host.check_output("systemctl is-active systemd-tmpfiles-clean.timer") == "active"
    assert host.file("/etc/systemd/system/foreign.service").exists
    assert host.file("/etc/systemd/system/masked.service").linked_to == "/dev/null"
    assert host.file("/etc/systemd/system/ssh.service.d").exists
