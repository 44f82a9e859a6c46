"""What a host without the internet has is what any other has."""

from __future__ import annotations

from notebook_client import NotebookClient

COW = "import cowsay; cowsay.cow('moo')"


def test_no_way_leads_out(host) -> None:
    assert host.check_output("ip route show default") == ""
    assert host.run("curl --silent --max-time 5 https://192.0.2.1/").rc != 0


def test_a_lab_runs_cells_with_the_added_package(tunnel) -> None:
    lab = NotebookClient(f"http://127.0.0.1:{tunnel('127.0.0.1:8888')}/")
    assert lab.login("correct horse battery")
    with lab.kernel() as kernel:
        assert "moo" in kernel.run(COW)


def test_a_person_s_server_does_so_too(person) -> None:
    ada = person("ada")
    with ada.start().kernel() as kernel:
        assert "moo" in kernel.run(COW)
    ada.stop()
