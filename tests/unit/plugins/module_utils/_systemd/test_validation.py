"""Each rule refuses what it is for, by its words, and lets the rest pass."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.validation import problems

PROFILES = {"standard": {"ProtectSystem": "strict"}, "air_gapped": {"PrivateNetwork": True}}
SERVICE = {"User": "alice", "ExecStart": "/bin/x"}


def service(directives: dict | None = None, **options: object) -> dict:
    return {"name": "a.service", "sections": {"Service": {**SERVICE, **(directives or {})}}, **options}


ACCEPTED = [
    {"name": "a.service", "state": "absent"},
    {"name": "a@b.service"},
    {"name": "a-b:c_d.e\\x2d.mount", "sections": {"Mount": {"What": "tmpfs"}}},
    {"name": "ssh.service", "drop_in": "50-limits.v2", "limits": {"open_files": 1024}},
    service(),
    service({"User": None, "DynamicUser": True}),
    service({"Environment": ["TOKEN_FILE=%d/token", "MODE=1 SECRETS_DIR=/x"]}),
    service({"UMask": "0077", "KillMode": "mixed"}),
    service({"Type": "oneshot"}, started=False),
    service({"Type": "oneshot", "RemainAfterExit": True}),
    service(limits={"memory_max": "2G", "tasks_max": 512, "cpu_quota": "200%", "memory_high": None}),
    service(restart_on=[]),
    service(ready={"url": "http://127.0.0.1:8888/api?x=1", "timeout": "30"}),
    service({"TimeoutStartSec": "infinity"}, ready={"url": "tcp://127.0.0.1:%i"}),
    service(sandbox="air_gapped", ready={"socket": "/run/%N/x.sock"}),
    {"name": "a.socket", "sections": {"Socket": {"ListenStream": "/run/x"}}, "restart_on": []},
]


@pytest.mark.parametrize("entry", ACCEPTED, ids=str)
def test_accepted(entry: dict) -> None:
    assert problems([entry], PROFILES) == []


REFUSED = [
    ({"name": "a"}, "ends in .service"),
    ({"name": "a.conf"}, "ends in .service"),
    ({"name": "../a.service"}, "ends in .service"),
    ({"name": "a b.service"}, "ends in .service"),
    ({"name": ".service"}, "ends in .service"),
    ({"name": "a@b@c.service"}, "ends in .service"),
    ({"name": "x" * 250 + ".service"}, "ends in .service"),
    ({}, "ends in .service"),
    ({"name": "a@b.slice"}, "slice cannot be a template"),
    ({"name": "a@.mount"}, "mount cannot be a template"),
    ({"name": "a.service", "drop_in": "50-x.conf"}, "without .conf"),
    ({"name": "a.service", "drop_in": "../x"}, "without .conf"),
    ({"name": "a.service", "drop_in": "50-x"}, "a drop-in without content"),
    ({"name": "a.service", "sections": {"[Service]": {}}}, "without brackets"),
    ({"name": "a.service", "sections": {"Service": "x"}}, "section Service must be a mapping"),
    (service({"Exec Start": "x"}), "is not a word"),
    (service({"Nice": {"a": 1}}), "Service.Nice must be a text"),
    (service({"Nice": [None]}), "Service.Nice must be a text"),
    (service({"ExecStart": "/bin/x\nUser=root"}), "Service.ExecStart must be one line"),
    (service({"ExecStart": "/bin/x \\"}), "Service.ExecStart must be one line"),
    (service({"ExecStart": "/bin/x \x00"}), "Service.ExecStart must be one line"),
    (service({"ExecStart": ["/bin/x", "/bin/y\r"]}), "Service.ExecStart must be one line"),
    (service({"UMask": 63}), "write it in quotes"),
    ({"name": "a.socket", "sections": {"Socket": {"SocketMode": 432}}}, "write it in quotes"),
    (service({"SetCredential": "x:hunter2"}), "use credentials with a file"),
    (service({"Environment": "DB_PASSWORD=hunter2"}), "sets DB_PASSWORD"),
    (service({"Environment": ["A=1", 'B=2 "API_TOKEN=hunter2 x"']}), "sets API_TOKEN"),
    (service({"Environment": "client_secret=hunter2"}), "sets client_secret"),
    ({"name": "a.timer", "sections": {"Timer": {}}, "sandbox": "standard"}, "sandbox is for services"),
    ({"name": "a.timer", "sections": {"Timer": {}}, "limits": {"tasks_max": 1}}, "limits is for services"),
    ({"name": "a.timer", "sections": {"Timer": {}}, "ready": {"socket": "/x"}}, "ready is for services"),
    ({"name": "a.path", "sections": {"Path": {}}, "credentials": {"a": "/b"}}, "credentials is for services"),
    ({"name": "a.timer", "sections": {"Timer": {}}, "restart_on": []}, "restart_on is for a service or socket"),
    ({"name": "a@.service", "sections": {"Service": SERVICE}, "restart_on": []}, "write it at each instance"),
    (service(restart_on=["etc/x"]), "absolute paths"),
    (service(restart_on=["/etc/%i"]), "without specifiers"),
    ({"name": "a@b.service", "limits": {"tasks_max": 1}}, "limits needs a file"),
    ({"name": "a.service", "drop_in": "50-x", "ready": {"socket": "/x"}}, "ready is for whole services"),
    ({"name": "a@.service", "sections": {"Service": SERVICE}, "started": True}, "a template cannot be"),
    (service(enabled=True), "enabled needs a section Install"),
    (service({"User": None}), "who runs it is not said"),
    (service({"User": ""}), "who runs it is not said"),
    (service({"Type": "oneshot"}), "write started: false"),
    (service(sandbox="strict"), "choose one of air_gapped, none, standard"),
    (service(credentials={"a b": "/x"}), "a credential's name"),
    (service(credentials={"a": "hunter2"}), "credential a must be the absolute path"),
    (service(limits={"memory_max": "2 G"}), "limits.memory_max is one word"),
    (service({"MemoryMax": "1G"}, limits={"memory_max": "2G"}), "say the same thing"),
    (service(ready={"timeout": 3}), "ready needs url, socket, or both"),
    (service(ready={"url": "127.0.0.1:80"}), "ready.url is http://"),
    (service(ready={"url": "http://x/ y"}), "ready.url is http://"),
    (service(ready={"url": "tcp://127.0.0.1"}), "needs a port"),
    (service(ready={"url": "tcp://127.0.0.1:80", "socket": "/x"}), "with socket, write an http URL"),
    (service(ready={"socket": "run/x"}), "ready.socket is an absolute path"),
    (service(ready={"socket": "/x", "timeout": -1}), "positive number"),
    (service({"Type": "oneshot", "RemainAfterExit": "yes"}, ready={"socket": "/x"}), "for services that stay"),
    (service({"TimeoutStartSec": 60}, ready={"socket": "/x"}), "above ready.timeout (60)"),
    (service({"TimeoutStartSec": "2min"}, ready={"socket": "/x"}), "above ready.timeout (60)"),
    (service(sandbox="air_gapped", ready={"url": "http://127.0.0.1/"}), "write ready.socket"),
]


@pytest.mark.parametrize(("entry", "words"), REFUSED, ids=[words for _entry, words in REFUSED])
def test_refused(entry: dict, words: str) -> None:
    found = problems([entry], PROFILES)
    assert len(found) == 1
    assert words in found[0]
    assert found[0].startswith(f"{entry.get('name', '')}")
    assert "hunter2" not in found[0]


def test_every_unit_is_named() -> None:
    found = problems([service({"UMask": 63}), {"name": "b.timer", "sandbox": "x"}], PROFILES)
    assert [text.split(":")[0] for text in found] == ["a.service", "b.timer", "b.timer", "b.timer"]


def test_duplicates() -> None:
    drop_in = {"name": "a.service", "drop_in": "50-x", "limits": {"tasks_max": 1}}
    assert problems([service(), drop_in], PROFILES) == []
    assert problems([service(), service(), drop_in, drop_in], PROFILES) == [
        "a.service: described twice; merge the two entries.",
        "a.service (50-x): described twice; merge the two entries.",
    ]


@pytest.mark.parametrize(
    ("profiles", "words"),
    [
        ({"none": {}}, "stands for no sandbox"),
        ({"own": ["x"]}, "own: must be a mapping"),
        ({"own": {"UMask": 63}}, "own: Service.UMask is an octal mode"),
        ({"own": {"Environment": "A_TOKEN=hunter2"}}, "own: Service.Environment sets A_TOKEN"),
    ],
)
def test_profiles(profiles: dict, words: str) -> None:
    (text,) = problems([], profiles)
    assert words in text
