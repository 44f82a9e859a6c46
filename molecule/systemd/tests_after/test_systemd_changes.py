"""What the changes, interruptions and refusals of side_effect.yml left behind."""

import pytest


@pytest.fixture
def before(host):
    return dict(line.split() for line in host.file("/run/processes").content_string.splitlines())


def show(host, unit, name):
    return host.check_output("systemctl show --value --property=%s %s", name, unit)


def test_exactly_one_instance_was_restarted(host, before):
    assert show(host, "worker@one", "MainPID") != before["worker@one"]
    assert show(host, "worker@two", "MainPID") == before["worker@two"]
    assert show(host, "probe-standard", "MainPID") == before["probe-standard"]


def test_a_unit_without_restart_on_is_not_restarted(host, before):
    assert show(host, "lonely", "MainPID") == before["lonely"]


def test_each_owner_was_notified_once_for_its_inclusion(host):
    for name in ("first-owner", "second-owner"):
        assert host.file(f"/run/{name}").content_string == "\n"


def test_enabling_follows_the_section_install(host):
    links = host.check_output("cd /etc/systemd/system && ls -d *.wants/lonely.service").split()
    assert links == ["graphical.target.wants/lonely.service", "network-online.target.wants/lonely.service"]


def test_refused_texts_never_went_live(host):
    host.run_expect([1], "grep -r -e MemroyMax -e Servce -e Typo=1 -e TaskMax /etc/systemd/system")
    units = host.file("/etc/systemd/system")
    assert not {"extra.service", "nowhere.service.d"} & set(units.listdir())
    for owner in ("foreign", "person-"):
        assert host.file(f"/etc/systemd/system/{owner}.service.d").listdir() == ["50-limits.conf"]


def test_pending_reloads_were_repeated(host):
    assert show(host, "foreign", "TasksMax") == "7"
    assert show(host, "lonely", "TasksMax") != "5"


def test_socket_moved(host):
    listening = host.check_output("ss -Hltn")
    assert "127.0.0.1:7008" in listening
    assert "127.0.0.1:7007" not in listening
