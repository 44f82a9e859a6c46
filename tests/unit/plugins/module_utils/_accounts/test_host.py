"""Changes of a host, without its tools: those are tried on real hosts."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import host as hub_host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.host import (
    HostChanges,
    HostError,
    home_problem,
    kill_all,
    make_home,
    processes,
    shown_home_judge,
    useradd_default,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    Account,
    AccountPlan,
    Group,
    Host,
    mark,
)

HASH = "$y$j9T$abcdefgh$ijklmnop"


class Tools:
    """Takes the place of run_command; remembers, and fails where it is told to."""

    def __init__(self, *failing: str):
        self.failing = failing
        self.calls: list[list[str]] = []
        self.inputs: list[str | None] = []

    def __call__(self, argv: list[str], data: str | None = None) -> tuple[int, str, str]:
        self.calls.append(argv)
        self.inputs.append(data)
        text = " ".join(argv)
        if argv[0] == "du":
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout, done.stderr
        if argv[0] == "tar" and text not in self.failing:
            return subprocess.call(argv), "", ""
        failed = any(text.startswith(start) for start in self.failing)
        return int(failed), "", "it is locked\n" if failed else ""

    def texts(self) -> list[str]:
        return [" ".join(argv) for argv in self.calls]


@pytest.fixture(autouse=True)
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """No test looks at the mail and the processes of this machine."""
    monkeypatch.setattr(hub_host, "SPOOLS", (f"{tmp_path}/mail-{{}}",))
    monkeypatch.setattr(hub_host, "AT_JOBS", f"{tmp_path}/atjobs")
    monkeypatch.setattr(hub_host, "LINGER", f"{tmp_path}/linger-{{}}")
    monkeypatch.setattr(hub_host, "processes", lambda uid: set())
    monkeypatch.setattr(hub_host, "kill_all", lambda uid: None)
    return tmp_path


def account(home: pathlib.Path | str, **values: object) -> Account:
    return Account("ada", os.getuid(), os.getgid(), home=str(home), **values)


def changes(tools: Tools, place: pathlib.Path) -> HostChanges:
    return HostChanges(tools, "jupyterhub", str(place / "archive"))


def test_a_home_begins_as_the_skeleton(place: pathlib.Path) -> None:
    skeleton, home = place / "skel", place / "home" / "ada"
    (skeleton / "sub").mkdir(parents=True)
    (skeleton / "sub/file").write_text("text")
    (skeleton / "link").symlink_to("nowhere")
    (place / "home").mkdir()
    (place / "home/.ada.new").mkdir()
    (place / "home/.ada.new/half").touch()
    make_home(account(home), str(skeleton))
    assert sorted(path.name for path in home.rglob("*")) == ["file", "link", "sub"]
    assert home.stat().st_mode & 0o777 == 0o700
    assert os.listdir(place / "home") == ["ada"]


def test_a_home_that_is_there_stays(place: pathlib.Path) -> None:
    (place / "file").touch()
    make_home(account(place), "/etc/skel")
    assert os.listdir(place) == ["file"]


def test_a_home_without_skeleton(place: pathlib.Path) -> None:
    make_home(account(place / "new/ada"), str(place / "none"))
    assert os.listdir(place / "new/ada") == []


def test_a_home_that_cannot_be_made(place: pathlib.Path) -> None:
    (place / "file").touch()
    with pytest.raises(HostError, match="ada: "):
        make_home(account(place / "file/ada"), "/etc/skel")


@pytest.mark.parametrize("archived", [True, False])
def test_what_goes_with_an_account(place: pathlib.Path, archived: bool) -> None:
    home, archive = place / "home/ada", place / "archive/ada.tar.gz"
    home.mkdir(parents=True)
    (home / "file").write_text("text")
    (place / "mail-ada").write_text("mail")
    (place / "archive").mkdir(0o700)
    (place / "archive/.draft").write_text("half")
    tools = Tools()
    changes(tools, place).clear(account(home), str(archive) if archived else "")
    assert [text for text in tools.texts() if not text.startswith("tar")] == ["usermod --lock --expiredate 1 -- ada"]
    assert os.listdir(place / "home") == []
    assert not (place / "mail-ada").exists()
    assert (place / "archive/.draft").exists() is not archived
    if archived:
        assert archive.stat().st_mode & 0o777 == 0o600
        packed = subprocess.run(["tar", "tzf", archive], capture_output=True, text=True, check=True).stdout
        assert {line.rpartition("/")[2] for line in packed.splitlines()} == {"", "file", "mail-ada"}


def test_nothing_goes_that_could_not_be_packed(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = place / "home/ada"
    home.mkdir(parents=True)
    monkeypatch.setattr(Tools, "__call__", lambda self, argv, data=None: (int(argv[0] == "tar"), "", "disk full"))
    with pytest.raises(HostError, match="disk full"):
        changes(Tools(), place).clear(account(home), str(place / "archive/ada.tar.gz"))
    assert home.exists()
    assert os.listdir(place / "archive") == []


def test_jobs_of_at_go_and_those_of_others_stay(place: pathlib.Path) -> None:
    jobs, person = place / "atjobs", account(place / "home/ada", shadow="!", expires="1")
    jobs.mkdir()
    for name, uid in (("a1", person.uid), ("a2", person.uid + 1)):
        (jobs / name).touch()
        os.chown(jobs / name, uid, uid)
    changes(Tools(), place).clear(person, "")
    assert os.listdir(jobs) == ["a2"]


def test_holes_take_nothing_and_more_than_the_limit_is_not_packed(place: pathlib.Path) -> None:
    home, archive = place / "home/ada", place / "archive/ada.tar.gz"
    home.mkdir(parents=True)
    with (home / "holes").open("wb") as file:
        file.truncate(2**40)
    person = account(home, shadow="!", expires="1")
    (home / "full").write_bytes(bytes(3 * 2**20))
    with pytest.raises(HostError, match=r"ada: .* on disk \(1024\.0 GiB .*archive_limit_gb"):
        HostChanges(Tools(), "jupyterhub", str(place / "archive"), 2**20).clear(person, str(archive))
    assert home.exists()
    assert not archive.exists()
    HostChanges(Tools(), "jupyterhub", str(place / "archive"), 2**30).clear(person, str(archive))
    assert archive.stat().st_size < 2**20
    assert not home.exists()


def test_a_home_half_removed_is_not_packed_again(place: pathlib.Path) -> None:
    leaving = place / "home/.ada.removed"
    leaving.mkdir(parents=True)
    (leaving / "rest").touch()
    tools = Tools()
    changes(tools, place).clear(account(place / "home/ada", shadow="!", expires="1"), str(place / "a.tar.gz"))
    assert tools.texts() == []
    assert not leaving.exists()
    assert not (place / "a.tar.gz").exists()


def test_processes_end_with_an_account(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "linger-ada").touch()
    found, killed = [{11, 12}, {11, 12}, {12}, set()], []
    monkeypatch.setattr(hub_host, "processes", lambda uid: found.pop(0))
    monkeypatch.setattr(hub_host.os, "kill", lambda pid, number: killed.append(pid))
    monkeypatch.setattr(hub_host.time, "sleep", lambda seconds: None)
    # A host without logind has processes too.
    tools = Tools("loginctl terminate-user")
    changes(tools, place).lock(account("/nonexistent"))
    assert tools.texts() == [
        "usermod --lock --expiredate 1 -- ada",
        "loginctl disable-linger ada",
        "loginctl terminate-user ada",
    ]
    assert killed == [11, 12, 12]


def test_processes_that_do_not_end(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_host, "processes", lambda uid: {11})
    monkeypatch.setattr(hub_host, "END_SECONDS", -1)
    with pytest.raises(HostError, match="do not end: 11"):
        changes(Tools(), place).lock(account("/nonexistent"))


def test_a_process_that_goes_on_in_another_ends(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = 54_321
    monkeypatch.setattr(hub_host, "processes", processes)
    monkeypatch.setattr(hub_host, "kill_all", kill_all)
    code = f"import os; os.setuid({uid}); print(flush=True)\nwhile True:\n    if os.fork(): os._exit(0)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        changes(Tools(), place).lock(Account("ada", uid, uid, home="/nonexistent"))
    assert processes(uid) == set()


@pytest.mark.parametrize("uid", [0, 999, 65_534])
def test_the_processes_of_the_system_are_never_killed_at_once(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    def fork() -> int:
        raise AssertionError

    monkeypatch.setattr(hub_host.os, "fork", fork)
    with pytest.raises(HostError, match="is no person's"):
        kill_all(uid)


def test_processes_are_found() -> None:
    assert os.getpid() in processes(os.getuid())
    assert os.getpid() not in processes(4_000_000_000)


def test_accounts_are_established(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {"bob": Account("bob", 1002, 1002, shadow=f"!{HASH}"), "eve": Account("eve", 1003, 1003)}
    after = Host({"ada": account(place / "ada")}, {"gpu": Group("gpu", 5, ("x",))})
    monkeypatch.setattr(hub_host, "read_host", lambda names, groups: after)
    plan = AccountPlan(
        groups={"jupyterhub": True, "gpu": False},
        create={"ada": ["gpu", "jupyterhub"]},
        homes=["ada"],
        unlock=["bob", "eve"],
        passwords={"ada": HASH, "eve": HASH},
        join={"gpu": ["eve"]},
    )
    tools = Tools()
    changes(tools, place).establish(plan, Host(before, {}))
    assert tools.texts() == [
        "groupadd --system -- jupyterhub",
        "groupadd -- gpu",
        f"useradd --no-create-home --shell /bin/bash --comment {mark('jupyterhub')} --groups gpu,jupyterhub -- ada",
        "usermod --expiredate  --unlock -- bob",
        "usermod --expiredate  -- eve",
        "chpasswd --encrypted",
        "gpasswd --add eve gpu",
    ]
    assert tools.inputs == [*[None] * 5, f"ada:{HASH}\neve:{HASH}", None]
    assert (place / "ada").is_dir()


@pytest.mark.parametrize(
    ("join", "leave", "failing", "expected"),
    [
        ({}, {}, (), []),
        ({"g": ["c"]}, {"g": ["a"]}, (), ["gpasswd --add c g", "gpasswd --delete a g"]),
        ({"g": ["c", "d", "a"]}, {"g": ["b"]}, (), ["gpasswd --members a,c,d g"]),
        ({}, {"g": ["a", "b", "x"]}, (), ["gpasswd --delete a g", "gpasswd --delete b g"]),
        (
            {"g": ["c", "d", "e"]},
            {},
            ("gpasswd --members",),
            ["gpasswd --members a,b,c,d,e g", "gpasswd --add c g", "gpasswd --add d g", "gpasswd --add e g"],
        ),
        ({"new": ["c", "d", "e"]}, {}, (), ["gpasswd --members c,d,e new"]),
    ],
)
def test_members(
    place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, join: dict, leave: dict, failing: tuple, expected: list[str]
) -> None:
    monkeypatch.setattr(hub_host, "read_host", lambda names, groups: Host({}, {"g": Group("g", 1, ("a", "b"))}))
    tools = Tools(*failing)
    changes(tools, place).members(join, leave)
    assert tools.texts() == expected


def test_a_list_that_is_no_argument(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_host, "read_host", lambda names, groups: Host({}, {}))
    monkeypatch.setattr(hub_host, "LONGEST_ARGUMENT", 5)
    tools = Tools()
    changes(tools, place).members({"g": ["aa", "bb", "cc"]}, {})
    assert tools.texts() == ["gpasswd --add aa g", "gpasswd --add bb g", "gpasswd --add cc g"]


def test_a_tool_that_fails_is_named(place: pathlib.Path) -> None:
    with pytest.raises(HostError, match=r"^groupadd --system \.\.\. jupyterhub: it is locked$"):
        changes(Tools("groupadd"), place).establish(AccountPlan(groups={"jupyterhub": True}), Host({}, {}))


def test_homes_that_cannot_go(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, other = place / "ada", place / "bob"
    home.mkdir()
    (place / "link").symlink_to(home)
    monkeypatch.setattr(hub_host, "_mounts", lambda: ["/", str(place), f"{other}/mount", f"{place}/ada2"])
    host = Host({"eve": Account("eve", 5, 5, home=f"{place}/link/x")}, {})
    assert home_problem(account(home), host) == ""
    assert home_problem(account(place / "none"), host) == ""
    assert "is a link" in home_problem(account(place / "link"), host)
    assert "another account" in home_problem(Account("ada", 4_000_000_000, 5, home=str(home)), host)
    host.accounts["bob"] = Account("bob", 5, 5, home=f"{home}/bob")
    assert home_problem(account(home), host).endswith("the homes of others in it: bob")
    other.mkdir()
    assert home_problem(account(other), host) == f"unmount {other}/mount first"


def test_a_home_that_somebody_could_replace_is_not_removed(place: pathlib.Path) -> None:
    home = place / "people/ada"
    home.mkdir(parents=True)
    os.chown(home.parent, 4711, 4711)
    person = account(home)
    assert "is in the hands of other accounts" in home_problem(person, Host({"ada": person}, {}))


def test_mounts_are_read() -> None:
    assert "/" in hub_host._mounts()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "/home"), ("# HOME=/x\n", "/home"), ("HOME=/srv/home\n", "/srv/home"), ('HOME="/x"', "/x")],
)
def test_defaults_of_useradd(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str) -> None:
    monkeypatch.setattr(hub_host, "USERADD_DEFAULTS", str(place / "useradd"))
    assert useradd_default("HOME", "/home") == "/home"
    (place / "useradd").write_text(text)
    assert useradd_default("HOME", "/home") == expected


@pytest.mark.parametrize(
    ("home", "others", "expected"),
    [
        ("ada", {"bob": "bob"}, ""),
        ("missing", {}, ""),
        ("ada", {"bob": "adam"}, ""),
        ("ada", {"bob": "ada/bob", "www-data": "ada/www"}, "ada has the homes of others in it: bob"),
        ("ada", {"bob": "link/bob"}, "ada has the homes of others in it: bob"),
        ("link", {"bob": "ada"}, "link has the homes of others in it: bob"),
        ("roots", {}, "roots belongs to another account"),
        ("roots/ada", {}, "roots/ada`"),
        ("..", {}, "belongs to another account"),
    ],
)
def test_the_home_of_a_server(place: pathlib.Path, home: str, others: dict[str, str], expected: str) -> None:
    """`link` leads to `ada`; www-data is an account of the system."""
    (place / "ada").mkdir()
    os.chown(place / "ada", 1000, 1000)
    (place / "roots/ada").mkdir(parents=True)
    (place / "link").symlink_to("ada")
    ada = Account("ada", 1000, 1000, home=str(place / home))
    accounts = [ada]
    for name, path in others.items():
        uid = 33 if name == "www-data" else 1001
        accounts.append(Account(name, uid, uid, home=str(place / path)))
    found = shown_home_judge(Host({account.name: account for account in accounts}, {}))(ada)
    assert found.endswith(expected)
    assert bool(found) == bool(expected)


@pytest.mark.parametrize("home", ["/", "/root", "/home", "/usr/share", "home/ada", ""])
def test_no_directory_of_the_system_is_a_home_of_a_server(home: str) -> None:
    assert shown_home_judge(Host({}, {}))(Account("ada", 1000, 1000, home=home))
