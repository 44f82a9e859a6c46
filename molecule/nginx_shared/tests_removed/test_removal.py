"""After our sites are gone."""

from __future__ import annotations


def test_the_host_is_as_before_the_role(host, changes):
    assert changes() == ""
    assert host.run("cd /etc/nginx && find . -printf '%p %y %l %m %u %g\\n' | sort | diff /root/tree -").stdout == ""


def test_their_visitors_were_served_all_the_time(failures):
    assert set(failures().values()) == {0}
