"""Who may read and write what the role has put on a host whose umask is mild."""

from __future__ import annotations


def test_users_read_environments_and_configuration_and_write_none(host) -> None:
    umasks = {"jupyterhub-culler-debian-13-as-ubuntu": "0002"}
    assert host.check_output("umask") == umasks.get(host.backend.host, "0022")
    assert host.file("/etc/jupyterhub/singleuser").mode == 0o755
    assert host.check_output("find /opt/jupyterhub ! -type l ! -perm -o=r") == ""
    assert host.check_output("find /opt/jupyterhub ! -type l -perm /go=w") == ""
