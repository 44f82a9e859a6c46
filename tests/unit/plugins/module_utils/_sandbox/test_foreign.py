"""The command that runs foreign code, and what root takes back from it."""

from __future__ import annotations

import os
import pathlib
import tempfile

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox import foreign
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.directives import SHARED_MEMORY
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.foreign import Sandbox


@pytest.fixture
def _files_here(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(foreign, "ENVIRONMENT_FILES", str(tmp_path))


@pytest.mark.sandboxed
@pytest.mark.usefixtures("_files_here")
def test_a_secret_is_in_a_file_of_root_alone(tmp_path: pathlib.Path) -> None:
    environment = {"TOKEN": 'a"b\\c$d`e', "HOME": "/srv/home"}
    with Sandbox().command(["/bin/true"], environment) as command:
        [file] = tmp_path.iterdir()
        assert file.stat().st_mode & 0o077 == 0
        assert 'TOKEN="a\\"b\\\\c\\$d\\`e"\n' in file.read_text()
        assert 'HOME="/srv/home"\n' in file.read_text()
        assert f"--property=EnvironmentFile={file}" in command
        assert "TOKEN" not in " ".join(command)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sandboxed
@pytest.mark.usefixtures("_files_here")
def test_arguments_reach_the_program_as_they_are() -> None:
    with Sandbox().command(["/bin/echo", "$HOME %h", ""], {}) as command:
        assert command[command.index("--") :] == ["--", "/bin/echo", "$$HOME %h", ""]


@pytest.mark.sandboxed
@pytest.mark.usefixtures("_files_here")
@pytest.mark.parametrize(("network", "private"), [(True, []), (False, ["--property=PrivateNetwork=yes"])])
def test_a_network_is_asked_for(network: bool, private: list[str]) -> None:
    with Sandbox(network=network).command(["/bin/true"], {}) as command:
        assert [word for word in command if "PrivateNetwork" in word] == private


@pytest.mark.sandboxed
@pytest.mark.usefixtures("_files_here")
def test_what_is_given_belongs_to_the_code_where_it_sees_it() -> None:
    with Sandbox(given=["/srv/a", "/srv/b:/opt/c"], shown=["/srv/d"]).command(["/bin/true"], {}) as command:
        words = " ".join(command)
    assert "--property=BindPaths=/srv/a --property=BindPaths=/srv/b:/opt/c" in words
    assert "--property=BindReadOnlyPaths=/srv/d" in words
    assert "ExecStartPre=+/usr/bin/find /srv/a /opt/c " in words


@pytest.mark.sandboxed
def test_a_file_that_root_alone_reaches_is_copied(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "ENVIRONMENT_FILES", str(tmp_path))
    with Sandbox(copies=["/root/ca.pem"]).command(["/bin/true"], {"A": "/root/ca.pem", "B": "/root"}) as command:
        [unit] = [word.removeprefix("--unit=") for word in command if word.startswith("--unit=")]
        [file] = tmp_path.iterdir()
        assert f'A="/run/credentials/{unit}.service/copy-0"\nB="/root"\n' in file.read_text()
        assert "--property=LoadCredential=copy-0:/root/ca.pem" in command


@pytest.mark.sandboxed
@pytest.mark.usefixtures("_files_here")
@pytest.mark.parametrize("reads", [True, False])
def test_roots_terminal_is_no_input(reads: bool) -> None:
    with Sandbox().command(["/bin/true"], {}, reads=reads) as command:
        assert (command[:1] == ["/usr/bin/systemd-run"]) is reads
        assert ("</dev/null" in " ".join(command)) is not reads


@pytest.mark.sandboxed
@pytest.mark.usefixtures("_files_here")
def test_a_closed_directory_on_the_way_is_an_empty_one() -> None:
    # Not below a directory of pytest's, which is closed itself.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as top:
        pathlib.Path(top).chmod(0o755)
        os.makedirs(f"{top}/closed/deep/release")
        os.makedirs(f"{top}/open/release")
        pathlib.Path(top, "closed").chmod(0o750)
        sandbox = Sandbox(given=[f"{top}/closed/deep/release"], shown=[f"-{top}/open/release"])
        with sandbox.command(["/bin/true"], {}) as command:
            hidden = [word for word in command if word.startswith("--property=TemporaryFileSystem=")]
    assert hidden == [
        f"--property=TemporaryFileSystem={place}" for place in ("/run:ro", SHARED_MEMORY, f"{top}/closed:ro")
    ]
