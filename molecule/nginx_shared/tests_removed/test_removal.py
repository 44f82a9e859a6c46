"""After our sites are gone."""

from __future__ import annotations


def test_everything_is_as_it_was_before_us(host, changes):
    assert changes() == ""
    assert host.run("cd /etc/nginx && find . -printf '%p %y %l %m %u %g\\n' | sort | diff /root/tree -").stdout == ""


def test_their_visitors_were_served_all_the_time(failures):
    assert set(failures().values()) == {0}
