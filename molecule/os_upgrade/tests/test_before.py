"""People work on a hub of Debian 12."""

from __future__ import annotations


def test_a_person_leaves_a_file_and_stays_logged_in(host, person) -> None:
    with person("ada").start().kernel() as kernel:
        assert kernel.run("import sys; open('work.txt', 'w').write('kept'); print(sys.version_info[:2])") == "(3, 11)"
    assert "bookworm" in host.file("/etc/os-release").content_string
