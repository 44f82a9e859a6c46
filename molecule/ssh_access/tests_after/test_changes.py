"""Other people, and passwords again."""

from __future__ import annotations


def test_an_exclusive_list_takes_other_keys_away(host, by_key):
    assert by_key("ada", key="stranger").stdout.split() == ["ada"]
    assert by_key("ada", key="laptop").returncode != 0
    assert not host.file("/home/ada/.ssh/authorized_keys2").exists
    assert by_key("old", key="laptop").stdout.split() == ["old"]
    assert by_key("old", key="stranger").returncode != 0


def test_owner_and_mode_are_put_right(host):
    file = host.file("/home/ada/.ssh/authorized_keys")
    assert (file.user, file.mode) == ("ada", 0o600)


def test_a_user_removed_with_the_home_is_gone(host, by_key):
    # Nobody else gets the uid.
    assert host.check_output("getent shadow bob").split(":")[7] == "1"
    assert not host.file("/home/bob").exists
    assert by_key("bob", key="bob").returncode != 0
    assert "bob" not in host.file("/etc/sudoers.d/nbops-administrators").content_string


def test_a_user_who_was_added_again_can_log_in(by_key):
    assert by_key("gone", "id -un; sudo -n id -un").stdout.split() == ["gone", "root"]


def test_a_person_no_longer_listed_stays(by_key):
    assert "uid=0(root)" in by_key("mia", "sudo -n /usr/bin/id").stdout


def test_passwords_let_people_in_again_and_root_not(by_password):
    assert by_password("guest").stdout.split() == ["guest"]
    assert "Permission denied" in by_password("root").stderr


def test_the_role_loads_what_an_interrupted_run_left(host):
    assert not host.file("/run/nbops-sshd.pending").exists
    before = host.file("/root/loads").content_string.splitlines()
    now = host.check_output("journalctl --unit=ssh --output=cat --grep='^Server listening on ::'").splitlines()
    assert len(now) == len(before) + 1


def test_the_server_is_the_same_unless_systemd_listens_for_it_and_so_is_the_first_connection(host, at_work):
    before = host.file("/root/sshd.pid").content_string.strip()
    is_same = host.check_output("systemctl show --property=MainPID ssh") == before
    assert is_same is not host.service("ssh.socket").is_running
    assert at_work("id -un").stdout.split() == ["guest"]
