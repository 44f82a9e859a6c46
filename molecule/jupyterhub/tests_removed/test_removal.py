"""After the removal: nothing of ours is left, nothing of others is lost."""

from __future__ import annotations


def test_nothing_of_the_hub_is_left(host) -> None:
    assert host.check_output("systemctl list-units --all --no-legend 'jupyterhub*'") == ""
    found = host.run("find /etc /opt /run /var/lib -maxdepth 3 -name '*jupyterhub*' -not -path '*/dpkg/*'")
    assert found.stdout == ""
    assert host.run("pgrep --full '[/]opt/jupyterhub'").rc != 0


def test_accounts_homes_and_files_stay(host) -> None:
    assert host.user("ada").exists
    assert host.file("/home/ada/notebooks/mine.txt").exists
    assert host.file("/srv/grace").is_directory


def test_nginx_serves_others_on(host) -> None:
    assert host.service("nginx").is_running
    assert host.run("nginx -t").rc == 0
