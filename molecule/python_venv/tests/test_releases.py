"""What stands on a host after the first run, seen by root, by the service and by a user."""

from __future__ import annotations

import json

import pytest

APPLICATIONS = {
    "/opt/locked": {"demo-alpha": "1.0", "demo-beta": "1.0"},
    "/srv/apps/listed": {"demo-alpha": "1.0", "demo-beta": "1.0"},
    "/opt/offline": {"demo-alpha": "2.0", "demo-beta": "1.0"},
}
every_application = pytest.mark.parametrize("path", APPLICATIONS)
PASSWORD = "s3cret"


def as_ada(host, command: str):
    """Runs a command as an account that is nobody special."""
    return host.run("runuser --login ada --command %s", command)


@every_application
def test_current_is_a_link_to_a_finished_release(host, path: str) -> None:
    assert host.file(f"{path}/current").linked_to == host.check_output("realpath %s/releases/*", path)
    release = json.loads(host.file(f"{path}/current/release.json").content_string)
    packages = {name: version for name, version in release["packages"].items() if name.startswith("demo-")}
    assert packages == APPLICATIONS[path]


@every_application
def test_the_packages_can_be_imported(host, path: str) -> None:
    code = "import demo_alpha, demo_beta; print(demo_alpha.VERSION)"
    ran = as_ada(host, f"{path}/current/bin/python -c '{code}'")
    assert ran.stdout.strip() == APPLICATIONS[path]["demo-alpha"]


def test_packages_ran_as_nobody_else(host) -> None:
    """Each package leaves a mark when it is imported, and even when an interpreter starts that could import it."""
    as_ada(host, "/opt/locked/current/bin/python -c pass")
    assert host.check_output("find /srv/rogue -type f -printf '%u %f\\n'") == f"ada {host.user('ada').uid}"


@every_application
def test_the_release_holds_its_own_lock(host, path: str) -> None:
    lock = host.file(f"{path}/current/lock.txt").content_string
    pins = dict(line.split()[0].split("==") for line in lock.splitlines())
    assert {name: pins[name] for name in APPLICATIONS[path]} == APPLICATIONS[path]
    assert lock.count("--hash=sha256:") >= len(pins)


@every_application
def test_only_root_can_write(host, path: str) -> None:
    theirs = "-not -type l ( -perm /022 -o -not -user root -o -not -group root )"
    assert host.check_output("find %s/ " + theirs.replace("(", r"\(").replace(")", r"\)"), path) == ""
    for place in ("", "releases/x", "current/x", "current/lib/x"):
        assert as_ada(host, f"touch {path}/{place}").rc != 0


@every_application
def test_everything_is_compiled(host, path: str) -> None:
    sources = set(host.check_output("cd %s/current/lib && find . -name 'demo_*.py' -printf '%%f\\n'", path).split())
    compiled = host.check_output("cd %s/current/lib && find . -name 'demo_*.pyc' -printf '%%f\\n'", path).split()
    assert sources == {"demo_alpha.py", "demo_beta.py"}
    assert {name.split(".")[0] + ".py" for name in compiled} == sources


@every_application
def test_nothing_is_installed_that_was_not_asked_for(host, path: str) -> None:
    release = json.loads(host.file(f"{path}/current/release.json").content_string)
    wanted = set(APPLICATIONS[path]) | ({"pip"} if path == "/opt/locked" else set())
    assert set(release["packages"]) == wanted
    assert set(host.check_output("ls %s/current/lib/python3*/site-packages", path).split()) >= {"demo_alpha.py"}


def test_a_setup_command_ran_in_the_release_with_the_files_in_place(host) -> None:
    assert host.file("/opt/offline/current/setup.txt").content_string.startswith("made with Python 3.")
    assert host.file("/opt/offline/current/share/demo/version.py").mode == 0o644


def test_shared_files_have_compressed_copies(host) -> None:
    file = "/opt/offline/current/share/demo/static/demo.js"
    original = host.check_output("sha256sum < %s", file)
    assert host.check_output("gzip --decompress --stdout %s.gz | sha256sum", file) == original
    assert host.check_output("brotli --decompress --stdout %s.br | sha256sum", file) == original
    sizes = [int(size) for size in host.check_output(f"stat --format=%s {file}.br {file}.gz {file}").split()]
    assert sizes[2] > max(sizes[:2])
    assert host.run(f"ls {file.replace('offline', 'locked')}*").stdout.split() == [file.replace("offline", "locked")]


def test_uv_and_its_cache_are_shared(host) -> None:
    assert host.check_output("ls /opt/python_venv/uv | wc -l") == "1"
    links = set(host.check_output("readlink /opt/python_venv/apps/*").split())
    assert links == {"/opt/locked", "/opt/offline"}
    assert host.file("/opt/python_venv/cache").mode == 0o700
    module = host.check_output("echo /opt/locked/current/lib/python3*/site-packages/pip/__init__.py")
    assert int(host.check_output("stat --format=%%h %s", module)) > 1


def test_the_password_of_the_index_is_not_stored(host) -> None:
    assert host.run("grep --quiet 'pip install' /srv/index/processes").rc == 0
    assert host.run("grep --quiet 'uv pip install' /srv/index/processes").rc == 0
    assert host.run(f"grep {PASSWORD} /srv/index/processes").rc == 1
    journal = host.check_output("journalctl --no-pager --identifier=ansible-nbops.jupyter.python_release")
    assert "path=/opt/locked" in journal
    assert PASSWORD not in journal
    assert host.run(f"grep --recursive --files-with-matches {PASSWORD} /opt/locked /srv/apps").rc == 1


def test_user_packages_are_seen_by_the_overlay_and_not_by_the_server(host) -> None:
    release = "/opt/locked/current"
    options = "--no-index --find-links=/srv/wheels --disable-pip-version-check"
    for command in ("pip install --user", "python -m pip install"):
        install = as_ada(host, f"{release}/overlay/bin/{command} {options} demo-gamma")
        assert install.rc == 0, install.stderr
        where = as_ada(host, f"{release}/overlay/bin/python -c 'import demo_gamma; print(demo_gamma.__file__)'")
        assert where.stdout.startswith("/home/ada/.local/lib/")
        server = as_ada(host, f"{release}/bin/python -c 'import demo_gamma'")
        assert "No module named 'demo_gamma'" in server.stderr
        assert as_ada(host, "rm -r ~/.local").rc == 0


def test_a_user_s_upgrade_wins_in_the_overlay_alone(host) -> None:
    release = "/opt/locked/current"
    version = "-c 'import demo_alpha; print(demo_alpha.VERSION)'"
    pip = f"{release}/overlay/bin/pip install --no-index --find-links=/srv/wheels --disable-pip-version-check"
    assert as_ada(host, f"{release}/overlay/bin/python {version}").stdout.strip() == "1.0"
    assert as_ada(host, f"{pip} --upgrade demo-alpha").rc == 0
    assert as_ada(host, f"{release}/overlay/bin/python {version}").stdout.strip() == "2.0"
    assert as_ada(host, f"{release}/overlay/bin/python -s {version}").stdout.strip() == "1.0"
    assert as_ada(host, f"{release}/bin/python {version}").stdout.strip() == "1.0"
    paths = as_ada(host, f"{release}/overlay/bin/python -c 'import sys; print(*sys.path)'").stdout.split()
    assert len(paths) == len(set(paths))
    assert as_ada(host, "rm -r ~/.local").rc == 0
