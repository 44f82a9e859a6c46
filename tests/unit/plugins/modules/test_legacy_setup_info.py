"""What is found on a host: units, accounts and sites are files below a directory."""

from __future__ import annotations

import json
import os
import pathlib
import pwd
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._migration.processes import Process
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import HEADER
from ansible_collections.nbops.jupyter.plugins.modules import legacy_setup_info

HASH = "argon2:$argon2id$secret"
ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A host with one account, whose home is empty, and no processes."""
    for name in ("units", "sites", "home/.jupyter"):
        (tmp_path / name).mkdir(parents=True)
    account = pwd.struct_passwd((ME, "x", 1000, 1000, "", str(tmp_path / "home"), "/bin/sh"))
    monkeypatch.setattr(legacy_setup_info, "UNITS", str(tmp_path / "units"))
    monkeypatch.setattr(legacy_setup_info, "SITES", str(tmp_path / "sites"))
    monkeypatch.setattr(legacy_setup_info, "outside_units", lambda _uid: [])
    monkeypatch.setattr(legacy_setup_info.pwd, "getpwall", lambda: [account])
    monkeypatch.setattr(legacy_setup_info.pwd, "getpwnam", lambda _name: account)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[[], dict[str, Any]]:
    def module() -> dict[str, Any]:
        with patch_module_args({}), pytest.raises(SystemExit):
            legacy_setup_info.main()
        return json.loads(capsys.readouterr().out)

    return module


def write_unit(root: pathlib.Path, name: str, header: str = "") -> None:
    command = "/opt/venv/bin/jupyter lab --port=8899"
    unit = f"{header}[Service]\nUser={ME}\nWorkingDirectory=/srv/notebooks\nExecStart={command}\n"
    (root / "units" / name).write_text(unit)


def test_an_empty_host_has_no_legacy_setup(root: pathlib.Path, run: Callable[[], dict]) -> None:
    write_unit(root, "ours.service", HEADER)
    (root / "units/other.service").write_text("[Service]\nExecStart=/bin/sleep 9\n")
    (root / "units/masked.service").symlink_to("/dev/null")
    result = run()
    assert (result["changed"], result["found"], result["variables"]) == (False, [], {})


def test_a_unit_with_its_configuration_and_site(root: pathlib.Path, run: Callable[[], dict]) -> None:
    write_unit(root, "jupyter.service")
    config = root / "home/.jupyter/jupyter_server_config.py"
    config.write_text(f"c.ServerApp.password = {HASH!r}\nc.ServerApp.port = 1\nprint('x')\n")
    site = root / "sites/lab"
    site.write_text("server {\n server_name lab.example.org;\n proxy_pass http://127.0.0.1:8899;\n}\n")
    result = run()
    [found], variables = result["found"], result["variables"]
    assert found["what"] == f"Jupyter server of {ME}, jupyter.service, nginx site {site}"
    assert any("line 3" in note for note in found["notes"])
    [instance] = variables["jupyterlab_instances"]
    # The command line wins over the file.
    assert (instance["listen"], instance["root_dir"]) == ("127.0.0.1:8899", "/srv/notebooks")
    assert instance["password_hash"] == HASH
    assert variables["jupyterlab_legacy_setup"] == {
        "units": ["jupyter.service"],
        "files": sorted([str(site), str(config)]),
        "processes_of": [],
    }
    assert variables["jupyter_domain"] == "lab.example.org"
    assert HASH not in json.dumps([result["shown"], result["found"]])


def test_a_home_without_a_unit(root: pathlib.Path, run: Callable[[], dict]) -> None:
    (root / "home/.jupyter/jupyter_server_config.json").write_text('{"ServerApp": {"port": 8890}}')
    variables = run()["variables"]
    assert variables["jupyterlab_instances"][0]["listen"] == "127.0.0.1:8890"
    assert variables["jupyterlab_legacy_setup"]["processes_of"] == [ME]


@pytest.mark.parametrize(
    ("uid", "is_found"), [(0, True), (999, False), (1000, True), (60000, True), (65534, False), (1_200_000, True)]
)
def test_people_of_a_directory_are_people(
    root: pathlib.Path, run: Callable[[], dict], monkeypatch: pytest.MonkeyPatch, uid: int, is_found: bool
) -> None:
    """A directory such as that of a domain has numbers far above those of the host's own accounts."""
    account = pwd.struct_passwd((ME, "x", uid, uid, "", str(root / "home"), "/bin/sh"))
    monkeypatch.setattr(legacy_setup_info.pwd, "getpwall", lambda: [account])
    process = Process(7, "/venv/bin/jupyter-lab --port=8890", str(root / "home"))
    monkeypatch.setattr(legacy_setup_info, "outside_units", lambda _uid: [process])
    assert bool(run()["found"]) == is_found


def test_broken_json_is_noted(root: pathlib.Path, run: Callable[[], dict]) -> None:
    write_unit(root, "jupyter.service")
    broken = root / "home/.jupyter/jupyter_server_config.json"
    broken.write_text("{")
    assert f"{broken} is not JSON." in run()["found"][0]["notes"]


TEMPLATE = "{{ lookup('ansible.builtin.pipe', 'touch /tmp/pwned') }}"


def test_a_link_to_the_configuration_of_another_carries_no_token(root: pathlib.Path, run: Callable[[], dict]) -> None:
    other = root / "other.json"
    other.write_text('{"IdentityProvider": {"token": "others-token"}}')
    write_unit(root, "jupyter.service")
    link = root / "home/.jupyter/jupyter_server_config.json"
    link.symlink_to(other)
    result = run()
    assert "others-token" not in json.dumps(result)
    assert any(note.startswith(f"{link} was not read") for note in result["found"][0]["notes"])
    assert str(link) not in result["variables"]["jupyterlab_legacy_setup"]["files"]


def test_who_has_nothing_but_a_refused_configuration_is_told_of(root: pathlib.Path, run: Callable[[], dict]) -> None:
    (root / "secret").write_text('{"ServerApp": {"token": "of another"}}')
    config = root / "home/.jupyter/jupyter_server_config.json"
    config.symlink_to(root / "secret")
    result = run()
    [found] = result["found"]
    assert found["what"] == f"Jupyter server of {ME}, no unit"
    assert [note.startswith(f"{config} was not read: ") for note in found["notes"]] == [True]
    assert result["variables"] == {}


def test_who_started_a_server_without_any_option_is_told_of(
    root: pathlib.Path, run: Callable[[], dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(7, "/usr/bin/jupyter lab", str(root / "home"))
    monkeypatch.setattr(legacy_setup_info, "outside_units", lambda _uid: [process])
    result = run()
    assert [found["notes"] for found in result["found"]] == [["It was started by hand (process 7)."]]
    assert result["variables"] == {}


def test_a_person_names_the_configuration_of_another(
    root: pathlib.Path, run: Callable[[], dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = root / "other.json"
    other.write_text('{"IdentityProvider": {"token": "others-token"}}')
    process = Process(7, f"/venv/bin/jupyter-lab --port=8890 --config={other}", str(root / "home"))
    monkeypatch.setattr(legacy_setup_info, "outside_units", lambda _uid: [process])
    result = run()
    assert "others-token" not in json.dumps(result)
    assert any("no file of this person's" in note for note in result["found"][0]["notes"])


@pytest.mark.parametrize(
    "chain", ["/etc/letsencrypt/live/other.example.org/fullchain.pem", "/etc/ssl/jupyter/other.pem"]
)
def test_a_person_names_the_key_of_another(root: pathlib.Path, run: Callable[[], dict], chain: str) -> None:
    key = root / "privkey.pem"
    key.write_text("key")
    key.chmod(0o600)
    config = {"ServerApp": {"certfile": chain, "keyfile": str(key)}}
    (root / "home/.jupyter/jupyter_server_config.json").write_text(json.dumps(config))
    result = run()
    assert "certbot_certificates" not in result["variables"]
    assert any("cannot read the key" in note for note in result["found"][0]["notes"])


def test_a_template_is_data(root: pathlib.Path, run: Callable[[], dict]) -> None:
    (root / "home/.jupyter/jupyter_server_config.json").write_text(json.dumps({"ServerApp": {"extra": TEMPLATE}}))
    variables = run()["variables"]
    assert variables["jupyterlab_instances"][0]["config"] == {"ServerApp": {"extra": TEMPLATE}}
