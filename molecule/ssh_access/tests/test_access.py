"""Who comes in, how, and what they may do then."""

from __future__ import annotations

import socket

import pytest


def test_an_administrator_comes_in_by_key_and_has_sudo(by_key):
    done = by_key("ada", "id -un; sudo -n id -un")
    assert done.stdout.split() == ["ada", "root"], done.stderr


def test_a_generated_key_lets_in_and_sudo_asks_for_the_password(by_key):
    assert by_key("bob", "sudo -n id -un", key="bob").returncode != 0
    done = by_key("bob", "id -un; sudo -S -p '' id -un; id -Gn", key="bob", text="correct horse battery\n")
    assert done.stdout.split()[:2] == ["bob", "root"], done.stderr
    assert "adm" in done.stdout.split()


def test_sudo_for_one_command_is_for_that_command(by_key):
    assert "uid=0(root)" in by_key("mia", "sudo -n /usr/bin/id").stdout
    assert by_key("mia", "sudo -n /usr/bin/cat /etc/shadow").returncode != 0


def test_an_administrator_without_sudo_has_none(by_key):
    assert by_key("old", "sudo -n id").returncode != 0


def test_a_list_that_is_not_exclusive_keeps_other_keys(by_key):
    assert by_key("old", key="laptop").stdout.split() == ["old"]
    assert by_key("old", key="stranger").stdout.split() == ["old"]


@pytest.mark.parametrize("name", ["root", "guest", "ada", "bob"])
def test_no_password_is_accepted(by_password, name):
    done = by_password(name)
    assert done.stdout == ""
    assert "Permission denied (publickey)" in done.stderr


def test_a_connection_from_before_goes_on(at_work):
    assert at_work("id -un").stdout.split() == ["guest"]


def test_a_removed_user_is_refused_and_the_home_stays(host, by_key):
    assert by_key("gone", key="stranger").returncode != 0
    assert host.file("/home/gone").user == "gone"
    assert host.check_output("getent shadow gone | cut -d: -f2 | cut -c1") == "!"


def test_files_of_a_person_are_that_person_s_alone(host):
    for path, mode in {"": 0o700, "/.ssh": 0o700, "/.ssh/authorized_keys": 0o600}.items():
        file = host.file(f"/home/ada{path}")
        assert (file.user, file.group, file.mode) == ("ada", "ada", mode)


def test_private_keys_stay_on_the_controller(host):
    assert host.run("grep --recursive --files-with-matches 'PRIVATE KEY' /home /root").stdout == ""


def test_notebooks_can_be_reached_by_a_tunnel(tunnel):
    with socket.create_connection(("127.0.0.1", tunnel("127.0.0.1:22")), timeout=30) as connection:
        assert connection.recv(4) == b"SSH-"


def test_a_tunnel_back_is_refused(by_key):
    back = ("-o", "ExitOnForwardFailure=yes", "-R", "127.0.0.1:9999:127.0.0.1:22")
    assert "remote port forwarding failed" in by_key("ada", options=back).stderr


def test_nothing_of_others_is_changed(host):
    assert host.run("sha256sum --check --quiet /root/theirs.sha256").stdout == ""
