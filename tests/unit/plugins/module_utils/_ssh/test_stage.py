"""Programs judge copies of the host's directories, with the new files in them."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sshd, sudoers, system_files
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.stage import Stage, staged


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Directories with a file of somebody else, and with our drop-in."""
    for module, name in ((sudoers, "sudoers.d"), (sshd, "sshd_config.d")):
        directory = tmp_path / name
        directory.mkdir()
        (directory / "other").write_text("theirs")
        monkeypatch.setattr(module, "DIRECTORY", str(directory))
        monkeypatch.setattr(module, "PATH", str(directory / module.NAME))
    (tmp_path / "sshd_config.d" / sshd.NAME).write_text("old")
    return tmp_path


def texts(directory: str | pathlib.Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(pathlib.Path(directory).iterdir())}


def test_copies_have_the_new_files_beside_those_of_others(host):
    with staged({sudoers.PATH: "rules", sshd.PATH: None}) as copies:
        assert texts(copies[sudoers.DIRECTORY]) == {sudoers.NAME: "rules", "other": "theirs"}
        assert texts(copies[sshd.DIRECTORY]) == {"other": "theirs"}
        # visudo refuses files that others may write.
        assert pathlib.Path(copies[sudoers.DIRECTORY], sudoers.NAME).stat().st_mode & 0o777 == 0o440
    assert texts(sudoers.DIRECTORY) == {"other": "theirs"}
    assert texts(sshd.DIRECTORY) == {sshd.NAME: "old", "other": "theirs"}
    assert not any(pathlib.Path(copy).exists() for copy in copies.values())


def test_a_directory_that_the_host_lacks_is_not_staged(host, monkeypatch):
    monkeypatch.setattr(sudoers, "PATH", str(host / "none" / sudoers.NAME))
    with staged({sudoers.PATH: "rules", sshd.PATH: "new"}) as copies:
        assert list(copies) == [sshd.DIRECTORY]
        assert Stage(None, copies, None, None, "").has_drop_ins()
    assert not Stage(None, {}, None, None, "").has_drop_ins()


def test_every_program_sees_the_copies():
    commands = []

    def run(argv: list[str]) -> tuple[int, str, str]:
        commands.append(argv)
        return 0, "    (ALL : ALL) NOPASSWD: ALL", ""

    stage = Stage(run, {"/etc/sudoers.d": "/copy"}, "/usr/sbin/visudo", None, "")
    assert stage.sudo_of("ada") == "nopasswd"
    stage.check_sudoers()
    assert [argv[argv.index("--") + 1 :] for argv in commands] == [
        ["sudo", "-n", "-l", "-U", "ada"],
        ["/usr/sbin/visudo", "-c"],
    ]
    assert all(argv[:2] == ["unshare", "--mount"] and "/copy" in argv for argv in commands)


def test_both_files_are_written_with_their_modes_and_only_where_they_differ(host):
    texts_of_both = {sudoers.PATH: "rules", sshd.PATH: "new"}
    assert system_files.read() == {sudoers.PATH: None, sshd.PATH: "old"}
    assert system_files.write(texts_of_both, check_mode=True) == [sudoers.PATH, sshd.PATH]
    assert system_files.read() == {sudoers.PATH: None, sshd.PATH: "old"}
    assert system_files.write(texts_of_both) == [sudoers.PATH, sshd.PATH]
    assert system_files.read() == texts_of_both
    modes = [pathlib.Path(path).stat().st_mode & 0o777 for path in (sudoers.PATH, sshd.PATH)]
    assert modes == [0o440, 0o644]
    assert system_files.write(texts_of_both) == []
    pathlib.Path(sshd.PATH).chmod(0o600)
    assert system_files.write(texts_of_both) == [sshd.PATH]
    assert system_files.write({sudoers.PATH: None}) == [sudoers.PATH]
    assert system_files.read() == {sudoers.PATH: None, sshd.PATH: "new"}
