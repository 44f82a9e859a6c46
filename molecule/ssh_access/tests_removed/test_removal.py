"""What is ours is gone, accounts and keys stay, and sshd says what it said before."""

from __future__ import annotations


def test_nothing_of_ours_is_left(host):
    assert host.run("find /etc /run -name '*nbops*' -not -path '/run/user/*'").stdout == ""
    assert host.run("sha256sum --check --quiet /root/theirs.sha256").stdout == ""


def test_accounts_and_keys_stay_without_sudo(by_key):
    done = by_key("ada", "id -un; sudo -n id -un", key="stranger")
    assert done.stdout.split() == ["ada"]


def test_sshd_listens_to_the_others_again(by_password, by_key):
    assert by_password("guest").stdout.split() == ["guest"]
    back = ("-o", "ExitOnForwardFailure=yes", "-R", "127.0.0.1:9999:127.0.0.1:22")
    assert by_key("ada", key="stranger", options=back).stdout.split() == ["ada"]
