"""After upgrades, failures, interruptions and repairs the application runs, and only what belongs there is left."""

from __future__ import annotations

import json


def test_the_application_runs(host) -> None:
    code = "import demo_alpha, demo_beta; print(demo_alpha.VERSION)"
    assert host.check_output("runuser -u ada -- /opt/locked/current/bin/python -c %s", code) == "2.0"


def test_the_last_two_releases_are_kept_and_whole(host) -> None:
    names = host.check_output("ls -A /opt/locked/releases").split()
    assert len(names) == 2
    for name in names:
        release = json.loads(host.file(f"/opt/locked/releases/{name}/release.json").content_string)
        assert release["packages"]["demo-alpha"] == "2.0"
        assert host.run(f"runuser -u ada -- /opt/locked/releases/{name}/bin/python -c 'import demo_beta'").rc == 0


def test_no_other_file_is_left(host) -> None:
    assert host.check_output("ls -A /opt/locked").split() == ["current", "releases"]
    assert host.check_output("ls -A /opt/foreign").split() == ["current"]
    assert host.check_output("find /opt/locked/releases -maxdepth 2 -name '.home-*'") == ""


def test_the_others_were_left_alone(host) -> None:
    for path in ("/srv/apps/listed", "/opt/offline"):
        assert host.run(f"runuser -u ada -- {path}/current/bin/python -c 'import demo_beta'").rc == 0
        assert host.check_output("ls %s/releases | wc -l", path) == "1"
