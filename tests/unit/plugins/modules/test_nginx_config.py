"""The parts of nginx_config that need no nginx."""

from __future__ import annotations

import grp
import json
import os
import pathlib

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.modules import nginx_config


def test_files_are_written_and_removed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "old.conf").write_bytes(b"old")
    (tmp_path / "gone.conf").write_bytes(b"gone")
    (tmp_path / "other.conf").write_bytes(b"other")
    wanted = {"old.conf": b"new \xff", "more.conf": b"more", "gone.conf": None, "never.conf": None}
    nginx_config.write(str(tmp_path), wanted, {})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "old.conf": b"new \xff",
        "more.conf": b"more",
        "other.conf": b"other",
    }
    assert (tmp_path / "more.conf").stat().st_mode & 0o777 == 0o644


def test_no_file_changes_if_one_cannot_be_written(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.conf").write_bytes(b"old")
    (tmp_path / "b.conf.new").mkdir()
    with pytest.raises(IsADirectoryError):
        nginx_config.write(str(tmp_path), {"a.conf": b"new", "b.conf": b"new"}, {})
    assert (tmp_path / "a.conf").read_bytes() == b"old"
    assert not (tmp_path / "b.conf").exists()


def test_a_page_brings_its_directory_and_takes_it_along(tmp_path: pathlib.Path) -> None:
    (tmp_path / "conf.d").mkdir()
    for data in b"text", None:
        nginx_config.write(str(tmp_path), {"pages/lab/a.html": data, "conf.d/a.conf": data}, {})
        assert (tmp_path / "pages/lab/a.html").exists() == (data is not None)
    assert [path.name for path in tmp_path.iterdir()] == ["conf.d"]


def test_a_private_file_is_for_its_group_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "passwords"
    nginx_config.write(str(tmp_path), {"passwords": b"a:b"}, {"passwords": os.getgid()})
    assert path.stat().st_mode & 0o777 == 0o640
    if os.getuid() == 0:
        assert nginx_config.safe(str(path), os.getgid())
    assert not nginx_config.safe(str(path), os.getgid() + 1)
    path.chmod(0o644)
    assert not nginx_config.safe(str(path), os.getgid())


def test_a_file_that_others_can_write_is_not_safe(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "site.conf"
    path.write_bytes(b"")
    path.chmod(0o644)
    assert nginx_config.safe(str(path)) == (os.getuid() == 0)
    path.chmod(0o664)
    assert not nginx_config.safe(str(path))
    link = tmp_path / "link.conf"
    link.symlink_to(path)
    assert not nginx_config.safe(str(link))


def test_conflicting_names_are_found() -> None:
    messages = """\
2026/11/20 13:32:02 [warn] 458#458: conflicting server name "a.org" on 0.0.0.0:80, ignored
nginx: [warn] conflicting server name "" on [::]:443, ignored
nginx: [warn] the "listen ... http2" directive is deprecated
"""
    assert nginx_config.conflicts(messages) == {
        'conflicting server name "a.org" on 0.0.0.0:80',
        'conflicting server name "" on [::]:443',
    }


def test_only_emergencies_after_the_position_count(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "error.log"
    log.write_text("[emerg] 1#1: old\n")
    position = log.stat().st_size
    with log.open("a") as stream:
        stream.write("[notice] 1#1: signal\n[emerg] 1#1: bind() failed\n")
    assert nginx_config.emergencies(str(log), position) == "[emerg] 1#1: bind() failed\n"
    assert nginx_config.emergencies(str(tmp_path / "none.log"), 0) == ""


def test_children_of_a_process_are_found() -> None:
    assert f"/proc/{os.getpid()}/stat" in nginx_config.children(os.getppid())


def test_a_log_is_made_for_its_owner_and_group(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "access.log"
    assert nginx_config.is_open(str(log))
    nginx_config.close(str(log))
    assert not nginx_config.is_open(str(log))
    assert log.stat().st_mode & 0o777 == 0o640


def test_a_log_that_everybody_could_read_keeps_what_it_says(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("said")
    log.chmod(0o644)
    assert nginx_config.is_open(str(log))
    nginx_config.close(str(log))
    assert (log.read_text(), log.stat().st_mode & 0o777) == ("said", 0o640)


def test_what_is_no_file_stays_as_it_is() -> None:
    assert not nginx_config.is_open("/dev/null")


def test_a_private_file_that_goes_is_not_shown_and_would_come_back_private(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "passwords").write_text("mark\nada:hash")
    written = []
    monkeypatch.setattr(nginx_config, "PENDING", str(tmp_path / "pending"))
    monkeypatch.setattr(nginx_config.Nginx, "master", lambda _self: 0)
    monkeypatch.setattr(nginx_config, "judge", lambda *_arguments: (None, ""))
    monkeypatch.setattr(nginx_config, "apply", lambda *arguments: written.append(arguments))
    monkeypatch.setattr(nginx_config.AnsibleModule, "get_bin_path", lambda *_arguments, **_options: "/usr/sbin/nginx")
    group = grp.getgrgid(os.getgid()).gr_name
    parameters = {"directory": str(tmp_path), "mark": "mark", "private_files": {"passwords": None}}
    with patch_module_args({**parameters, "private_group": group}), pytest.raises(SystemExit):
        nginx_config.main()
    told = capsys.readouterr().out
    assert json.loads(told)["changed_files"] == ["passwords"]
    assert "hash" not in told
    [(_nginx, _directory, before, after, groups, _log)] = written
    assert (before, after) == ({"passwords": b"mark\nada:hash"}, {"passwords": None})
    assert groups == {"passwords": os.getgid()}
