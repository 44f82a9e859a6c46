"""Units as text."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import unit

PROFILES = {"standard": {"ProtectSystem": "strict", "UMask": "0077", "IPAddressDeny": ["192.0.2.1", "192.0.2.2"]}}


def body(entry: dict, profiles: dict | None = None) -> str:
    text = unit.render({"sandbox": "none", **entry}, profiles or {})
    assert text.startswith(unit.HEADER + "\n")
    return text[len(unit.HEADER) + 1 :]


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("text", "X=text\n"),
        ("", "X=\n"),
        (True, "X=yes\n"),
        (False, "X=no\n"),
        (0, "X=0\n"),
        (2.5, "X=2.5\n"),
        (None, ""),
        ([], ""),
        (["a", "", True, 3], "X=a\nX=\nX=yes\nX=3\n"),
        ("%h/%i %% $HOME ${X}", "X=%h/%i %% $HOME ${X}\n"),
        ("\"two words\" 'and' \\x20 ; # é", "X=\"two words\" 'and' \\x20 ; # é\n"),
    ],
)
def test_values(value: object, lines: str) -> None:
    assert body({"name": "a.socket", "sections": {"Socket": {"X": value}}}) == f"[Socket]\n{lines}"


def test_sections_and_directives_keep_their_order() -> None:
    sections = {
        "Timer": {"Zeta": 1, "Alpha": 2},
        "Unit": {"After": "b.service"},
        "Install": {"WantedBy": "timers.target"},
    }
    assert body({"name": "a.timer", "sections": sections}) == (
        "[Timer]\nZeta=1\nAlpha=2\n\n[Unit]\nAfter=b.service\n\n[Install]\nWantedBy=timers.target\n"
    )


def test_a_section_may_be_empty() -> None:
    assert body({"name": "a.slice", "sections": {"Slice": None}}) == "[Slice]\n"


def test_profile_follows_the_callers_directives_which_win() -> None:
    service = {"ExecStart": "/bin/x", "UMask": "0027", "ProtectSystem": None}
    text = body({"name": "a.service", "sections": {"Service": service}, "sandbox": "standard"}, PROFILES)
    assert text == "[Service]\nExecStart=/bin/x\nUMask=0027\nIPAddressDeny=192.0.2.1\nIPAddressDeny=192.0.2.2\n"


@pytest.mark.parametrize(
    ("own", "lines"),
    [
        ("/srv/a", ["/run/x", "/srv/a"]),
        (["/srv/a", "/srv/b"], ["/run/x", "/srv/a", "/srv/b"]),
        (["", "/srv/a"], ["/run/x", "", "/srv/a"]),
        (None, []),
    ],
)
def test_own_paths_are_added_to_those_of_the_profile(own: object, lines: list[str]) -> None:
    service = {"ExecStart": "/bin/x", "BindReadOnlyPaths": own}
    entry = {"name": "a.service", "sections": {"Service": service}, "sandbox": "p"}
    expected = "".join(f"BindReadOnlyPaths={line}\n" for line in lines)
    assert body(entry, {"p": {"BindReadOnlyPaths": ["/run/x"]}}) == f"[Service]\nExecStart=/bin/x\n{expected}"


def test_install_stays_last_in_a_service() -> None:
    sections = {"Install": {"WantedBy": "multi-user.target"}, "Service": {"ExecStart": "/bin/x"}}
    assert body({"name": "a.service", "sections": sections}).endswith("[Install]\nWantedBy=multi-user.target\n")


def test_options_become_directives_beside_the_callers_own() -> None:
    entry = {
        "name": "a.service",
        "sections": {"Service": {"LoadCredential": "x:/etc/x", "ExecStartPost": "/bin/own"}},
        "credentials": {"secret": "/etc/secret"},
        "limits": {"memory_max": "2G", "tasks_max": 512, "cpu_quota": None},
        "ready": {"url": "http://127.0.0.1/", "socket": "/run/%N.sock", "timeout": 5},
    }
    wait = f"/usr/bin/python3 -IS {unit.WAIT_READY} --timeout 5 --url http://127.0.0.1/ --socket /run/%N.sock"
    assert body(entry) == (
        "[Service]\nLoadCredential=x:/etc/x\nLoadCredential=secret:/etc/secret\n"
        f"ExecStartPost={wait}\nExecStartPost=/bin/own\n"
        "MemoryMax=2G\nTasksMax=512\nTimeoutStartSec=35\n"
    )


def test_own_start_timeout_is_kept() -> None:
    entry = {"name": "a.service", "sections": {"Service": {"TimeoutStartSec": 300}}, "ready": {"socket": "/run/x"}}
    assert "TimeoutStartSec=300\n" in body(entry)
    assert "TimeoutStartSec=90" not in body(entry)
    assert "--timeout 60 --socket /run/x\n" in body(entry)


def test_a_drop_in_holds_only_what_was_asked_for() -> None:
    entry = {"name": "ssh.service", "drop_in": "50-limits", "limits": {"open_files": 4096}}
    assert unit.render(entry, PROFILES).endswith("\n[Service]\nLimitNOFILE=4096\n")
    assert "[Service]" not in unit.render(
        {**entry, "limits": {}, "sections": {"Unit": {"After": "a.service"}}}, PROFILES
    )


@pytest.mark.parametrize(
    ("entry", "profile"),
    [
        ({"name": "a.service", "sections": {"Service": {}}}, "standard"),
        ({"name": "a@.service", "sections": {"Service": {}}}, "standard"),
        ({"name": "a.service", "sections": {"Service": {}}, "sandbox": "none"}, "none"),
        ({"name": "a@b.service"}, "none"),
        ({"name": "a.service", "drop_in": "50-x", "sections": {"Service": {}}}, "none"),
        ({"name": "a.service", "drop_in": "50-x", "sandbox": "gpu"}, "gpu"),
        ({"name": "a.timer", "sections": {"Timer": {}}}, "none"),
    ],
)
def test_profile_name(entry: dict, profile: str) -> None:
    assert unit.profile_name(entry) == profile


@pytest.mark.parametrize(
    ("name", "template"),
    [("a@b.service", "a@.service"), ("a@b.c.timer", "a@.timer"), ("a@.service", None), ("a.service", None)],
)
def test_template_of(name: str, template: str | None) -> None:
    assert unit.template_of(name) == template


@pytest.mark.parametrize(
    ("install", "links"),
    [
        ({}, set()),
        ({"WantedBy": "multi-user.target"}, {"multi-user.target.wants/a.service"}),
        (
            {"WantedBy": ["b.target c.target"], "RequiredBy": "d.target"},
            {"b.target.wants/a.service", "c.target.wants/a.service", "d.target.requires/a.service"},
        ),
        ({"WantedBy": "%i.target"}, None),
        ({"WantedBy": "b.target", "Alias": "c.service"}, None),
    ],
)
def test_install_links(install: dict, links: set[str] | None) -> None:
    sections = {"Service": {"User": "x"}, "Install": install}
    assert unit.install_links({"name": "a.service", "sections": sections}) == links


def test_links_of_somebody_elses_unit_are_for_systemd_to_tell() -> None:
    assert unit.install_links({"name": "a@b.service", "sections": {}}) is None
