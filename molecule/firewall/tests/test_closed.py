"""What is closed is closed, what is open answers, and others' rules and connections are as they were."""

from __future__ import annotations

from waiting import wait_until


def test_only_the_listed_ports_are_open(open_ports):
    assert open_ports() == [22, 8080, 8443]


def test_the_same_holds_for_ipv6_where_nobody_else_is_a_source(open_ports, own_ipv6):
    assert open_ports(own_ipv6) == [22, 8080]


def test_the_host_reaches_itself_and_others(host, address):
    assert host.run("timeout 2 bash -c '</dev/tcp/127.0.0.1/9090'").rc == 0
    assert host.run(f"timeout 2 bash -c '</dev/tcp/{address}/9090'").rc == 0


def test_it_answers_a_ping(elsewhere, address):
    echo = (
        "import socket, struct, sys; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); "
        "s.settimeout(2); s.sendto(bytes.fromhex('0800f7fd00010001'), (sys.argv[1], 0)); print(s.recv(99)[20])"
    )
    assert elsewhere.check_output(f'python3 -c "{echo}" {address}') == "0"


def test_a_connection_to_a_closed_port_goes_on(host, elsewhere):
    def count() -> int:
        return int(elsewhere.check_output(f"cat /run/talk-{host.backend.host}"))

    before = count()
    wait_until(lambda: count() > before + 3)


def test_tables_of_others_are_as_they_were(host):
    assert host.run("nft list ruleset | sed '/^table inet nbops_firewall/,/^}/d' | diff /root/theirs -").stdout == ""


def test_the_table_comes_back_with_its_unit(host, open_ports):
    host.check_output("nft delete table inet nbops_firewall")
    assert open_ports() == [22, 8080, 8443, 8444, 9090]
    host.check_output("systemctl restart nbops-firewall")
    assert open_ports() == [22, 8080, 8443]
    assert host.check_output("systemctl is-enabled nbops-firewall") == "enabled"


def test_no_change_is_pending(host):
    assert not host.file("/run/nbops-firewall").exists
    assert "nbops-firewall-rollback" not in host.check_output("systemctl list-units --all --plain 'nbops-firewall*'")
