"""A hub is backed up while people work, and a fresh host becomes that hub."""

from __future__ import annotations

import json
import pathlib
import re
import socket
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import testinfra
from hub import HUB, at_address
from hub_client import HubClient
from playbook import inventory_options, run_ansible
from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
INVENTORY = ROOT / "molecule/inventory/containers.py"
OLD, NEW = "backup-debian-13", "backup-new"
STATUS = "/var/lib/nbops-backup/status.json"
NOTE = "notes.txt"
# What the inventory says for another name, below which the former one leads to it.
MOVED = "moved.example.org"
RENAMED = {
    "jupyter_domain": MOVED,
    "jupyterhub_public_url": f"https://{MOVED}",
    "jupyter_sites": [
        {
            "name": "former",
            "server_names": [HUB],
            "certificate": MOVED,
            "locations": [{"path": "/", "redirect": f"https://{MOVED}"}],
        }
    ],
}
# What is in ada's home beside what Jupyter makes: lists and attributes, and what nobody gets back.
FURNISH = f"""
set -e
cd /home/ada
echo 'read me' >{NOTE}; setfacl --modify=user:1234:r {NOTE}; setfattr --name=user.origin --value=old {NOTE}
ln --symbolic /etc/passwd passwd
mkdir .cache; echo large >.cache/file
cp /bin/true runs; chown ada:ada {NOTE} runs .cache; chmod 6755 runs
mkfifo pipe
echo 'of root' >roots
echo shared >/srv/shared/plan; chown ada:ada /srv/shared/plan
echo thesis >/srv/notebooks/ada/thesis; chown ada:ada /srv/notebooks/ada/thesis
"""
# Directories and links to those of others, which change places without pause.
SWAP = """
import ctypes, itertools, os, pathlib, sys
linux = ctypes.CDLL(None)
os.chdir(sys.argv[1])
names = [str(number).encode() for number in range(300)]
for name in names:
    os.mkdir(name)
    pathlib.Path(name.decode(), "notes").write_text("mine")
    os.symlink("/root/others", b"link-" + name)
pathlib.Path("begun").touch()
for name in itertools.cycle(names):
    linux.renameat2(-100, name, -100, b"link-" + name, 2)
"""
# Of each file its path, mode, owner, group, size and time.
LISTING = "cd /home/ada && find . -path ./.local -prune -o -printf '%p %m %U %G %s %T@\\n' | sort"


# Logs in at the lab as a browser does, and shows what the browser then knows.
LAB_LOGIN = """
cd $(mktemp --directory)
ask() { curl --no-progress-meter --unix-socket /run/jupyterlab/lab.sock --cookie jar --cookie-jar jar "$@"; }
ask http://localhost/login >page
ask --data-urlencode 'password=correct horse battery' --data _xsrf=$(awk '/_xsrf/ {print $7}' jar) http://localhost/login
cat jar
"""


class BackedUp(NamedTuple):
    """The old host, the new, ada as she was logged in at the old one, her token, and the cookies of her lab."""

    old: Any
    new: Any
    ada: HubClient
    token: str
    lab: str


def play(host: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a playbook for one host."""
    names = ("inventory/hub.yml", "backup/inventory/hosts.yml", "backup/inventory/new.yml")
    return run_ansible(*inventory_options(*names), f"--limit={host}", *arguments)


def refusal(*arguments: str) -> str:
    """What the restore says that is refused."""
    run = play(NEW, "nbops.jupyter.restore", *(f"--extra-vars={one}" for one in arguments))
    assert run.returncode == 2, run.stdout + run.stderr
    return run.stdout + run.stderr


def address_of(host: Any) -> str:
    return host.backend.ansible_runner.get_variables(host.backend.host)["ansible_host"]


def at_host(host: Any, ada: HubClient, name: str = HUB) -> None:
    """From now on a name of the hub leads to a host."""
    at_address(name, address_of(host))
    # One that is still open leads to the host before.
    ada.http.close()
    pathlib.Path(ada.ca).write_text(host.file(f"/etc/ssl/jupyter/{name}/fullchain.pem").content_string)


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackedUp]:
    """A backup that was made while ada worked."""
    old, new = (
        testinfra.get_host(f"ansible://{name}", ansible_inventory=str(INVENTORY), sudo=True) for name in (OLD, NEW)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # put back afterwards
        ada = HubClient(f"https://{HUB}/hub/", ca=str(tmp_path_factory.mktemp("ca") / "ca.pem"))
        at_host(old, ada)
        assert ada.login("ada", "correct horse battery")
        token = ada.request("POST", "users/ada/tokens", {"note": "a program of hers"}).json()["token"]
        lab = old.check_output(LAB_LOGIN)
        old.check_output(FURNISH)
        with ada.start().kernel() as kernel:
            assert kernel.run("open('of_the_kernel', 'w').write('42')") == "2"
            old.check_output("systemctl start nbops-backup.service nbops-backup-check.service")
            assert kernel.run("6*7") == "42"
        yield BackedUp(old, new, ada, token, lab)


@pytest.fixture(scope="module")
def restored(backed_up: BackedUp) -> BackedUp:
    """What was backed up, on the new host."""
    done = play(NEW, "nbops.jupyter.restore")
    assert done.returncode == 0, done.stdout + done.stderr
    at_host(backed_up.new, backed_up.ada)
    return backed_up


def test_a_second_run_of_the_backup_changes_nothing(backed_up) -> None:
    again = play(OLD, "nbops.jupyter.backup")
    assert re.search(r"changed=0 +unreachable=0 +failed=0", again.stdout), again.stdout + again.stderr


def test_what_cannot_be_restored_is_refused_and_nothing_is_changed(backed_up) -> None:
    new = backed_up.new
    assert "/srv/vault: backup_password does not open this repository" in refusal("backup_password=another-one-of-them")
    assert "/srv/empty: there is no repository" in refusal("backup_repository=/srv/empty")
    assert "there is no snapshot 'latest' of nobody in the repository" in refusal("backup_restore_from=nobody")
    new.check_output(
        "cd / && RESTIC_REPOSITORY=/srv/vault RESTIC_PASSWORD='correct horse battery staple' "
        "restic backup --quiet --host bare --tag nbops etc/hostname"
    )
    assert "has no manifest, so it is no whole backup" in refusal("backup_restore_from=bare")
    new.check_output("useradd --uid 1001 mallory && useradd --uid 3001 ada && mkdir /etc/jupyterhub/secrets --parents")
    said = refusal('{"backup_paths": [], "jupyterhub_database": "postgresql"}')
    new.check_output("userdel mallory; userdel ada; rmdir /etc/jupyterhub/secrets /etc/jupyterhub")
    # All that is wrong at once.
    for text in (
        "the snapshot's database is sqlite, and the inventory's is postgresql",
        "the snapshot has /srv/shared, which is neither among backup_paths nor a lab's root_dir",
        "ada has the number 1001 in the snapshot, and 3001 here",
        "/etc/jupyterhub/secrets exists: this host has a state of its own",
    ):
        assert text in said
    assert not new.file("/home/ada").exists
    assert not new.file("/var/lib/nbops-backup").exists


def test_the_backup_was_well_and_says_so(restored) -> None:
    status = json.loads(restored.old.file(STATUS).content_string)
    assert [status[key]["result"] for key in ("last_backup", "last_check")] == ["ok", "ok"]
    assert not restored.old.file("/run/alarm").exists


def test_who_was_logged_in_at_the_old_host_still_is(restored) -> None:
    assert restored.ada.request("GET", "user").json()["name"] == "ada"


def test_a_token_of_the_old_host_opens_the_new(restored) -> None:
    program = HubClient(f"https://{HUB}/hub/", ca=restored.ada.ca, token=restored.token)
    assert program.get("api/user").json()["name"] == "ada"


def test_a_lab_knows_who_was_logged_in(restored) -> None:
    ask = "curl --no-progress-meter --output /dev/null --write-out %{http_code} --unix-socket /run/jupyterlab/lab.sock"
    restored.new.check_output(f"cat >/root/jar <<'END'\n{restored.lab}\nEND")
    assert restored.new.check_output(f"{ask} --cookie /root/jar http://localhost/api/contents") == "200"
    assert restored.new.check_output(f"{ask} http://localhost/api/contents") == "403"


def test_a_person_goes_on_with_their_files_where_they_were(restored) -> None:
    with restored.ada.start().kernel() as kernel:
        assert kernel.run("print(open('of_the_kernel').read(), open('notes.txt').read())") == "42 read me"
    restored.ada.stop()


def test_accounts_have_their_numbers_and_passwords(restored) -> None:
    for question in ("id ada", "getent passwd ada", "getent shadow ada | cut --delimiter=: --fields=2"):
        old, new = (re.sub(r"\d+\(jupyterhub\)", "", host.check_output(question)) for host in restored[:2])
        assert old == new


def test_a_home_has_its_owners_modes_lists_and_attributes_and_nothing_more(restored) -> None:
    assert "user:1234:r--" in restored.new.check_output("getfacl --absolute-names /home/ada/notes.txt")
    assert restored.new.check_output("getfattr --only-values --name=user.origin /home/ada/notes.txt") == "old"
    old, new = (dict(line.split(" ", 1) for line in host.check_output(LISTING).splitlines()) for host in restored[:2])
    for name in ("./notes.txt", "./passwd", "./of_the_kernel", "./roots"):
        assert old[name] == new[name]
    # Rights that its person could not give, what is no file, and what is excluded.
    assert new["./runs"].startswith("755 ")
    assert "./pipe" not in new
    assert "./.cache" not in new


def test_a_shared_folder_is_as_it_was(restored) -> None:
    question = "stat --format='%n %a %u %g %s' /srv/shared /srv/shared/plan"
    assert restored.old.check_output(question) == restored.new.check_output(question)


def test_a_labs_notebooks_outside_of_the_home_are_as_they_were(restored) -> None:
    question = "stat --format='%n %a %u %g %s' /srv/notebooks/ada /srv/notebooks/ada/thesis"
    assert restored.old.check_output(question) == restored.new.check_output(question)


def test_browsers_find_the_certificate_that_they_know(restored) -> None:
    question = f"sha256sum /etc/ssl/jupyter/{HUB}/fullchain.pem"
    assert restored.old.check_output(question) == restored.new.check_output(question)


def test_packages_are_equal(restored) -> None:
    for environment in ("jupyterhub/hub", "jupyterhub/user", "jupyterlab"):
        question = f"readlink /opt/{environment}/current"
        assert restored.old.check_output(question) == restored.new.check_output(question)


def test_a_second_restore_changes_nothing(restored) -> None:
    again = play(NEW, "nbops.jupyter.restore")
    assert re.search(r"changed=0 +unreachable=0 +failed=0", again.stdout), again.stdout + again.stderr


def test_one_persons_home_comes_beside_theirs(restored) -> None:
    restored.new.check_output("rm /home/ada/notes.txt && echo new >/home/ada/of_the_kernel")
    done = play(NEW, "nbops.jupyter.restore_home", "--extra-vars=backup_restore_home=ada")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        restored.new.check_output("cat /home/ada/restored-*/notes.txt /home/ada/restored-*/of_the_kernel")
        == "read me\n42"
    )
    assert restored.new.check_output("cat /home/ada/of_the_kernel") == "new"
    assert restored.new.check_output("stat --format='%U %a' /home/ada/restored-*") == "ada 700"


@pytest.fixture(scope="module")
def renamed(restored: BackedUp) -> BackedUp:
    """The restored hub under another name."""
    done = play(NEW, "nbops.jupyter.jupyterhub", f"--extra-vars={json.dumps(RENAMED)}")
    assert done.returncode == 0, done.stdout + done.stderr
    at_host(restored.new, restored.ada, MOVED)
    return restored


def test_people_log_in_and_work_under_another_name(renamed) -> None:
    ada = HubClient(f"https://{MOVED}/hub/", ca=renamed.ada.ca)
    assert ada.login("ada", "correct horse battery")
    with ada.start().kernel() as kernel:
        assert kernel.run("6*7") == "42"
    ada.stop()


def test_a_token_of_the_old_host_is_valid_under_another_name(renamed) -> None:
    program = HubClient(f"https://{MOVED}/hub/", ca=renamed.ada.ca, token=renamed.token)
    assert program.get("api/user").json()["name"] == "ada"


def test_the_former_name_leads_to_the_other(renamed) -> None:
    ask = "curl --silent --insecure --output /dev/null --write-out '%{http_code} %{redirect_url}'"
    former = f"https://{HUB}/hub/spawn"
    answer = renamed.new.check_output(f"{ask} --resolve {HUB}:443:127.0.0.1 {former}")
    assert answer == f"308 https://{MOVED}/hub/spawn"


def test_a_person_who_swaps_directories_gets_no_files_of_others_into_the_backup(restored) -> None:
    """restic looks at a directory, and opens what is in it by its path: a link may be there by then."""
    old, new, race = restored.old, restored.new, "/srv/notebooks/ada/race"
    old.check_output("install -d -m 700 /root/others && echo precious >/root/others/notes")
    old.check_output("install -d -o ada %s", race)
    old.check_output("systemd-run --quiet --unit=swapping --uid=ada --collect python3 -c %s %s", SWAP, race)
    wait_until(lambda: old.file(f"{race}/begun").exists)
    # Root wrote into the vault before, which is the other account's.
    new.check_output("chown --recursive ansible: /srv/vault")
    # What moves may be missing in it, which a backup tells.
    old.run("systemctl start nbops-backup.service")
    old.check_output("systemctl stop swapping")
    old.check_output("rm -rf %s /root/others /run/alarm", race)
    open_vault = "RESTIC_REPOSITORY=/srv/vault RESTIC_PASSWORD='correct horse battery staple' restic"
    # A link and a directory may be there under one name, of which it restores one and tells of the other.
    new.run(f"{open_vault} restore --quiet latest --host {OLD} --include {race} --target /root/raced")
    assert new.run("grep --recursive --quiet mine /root/raced").rc == 0
    assert new.run("grep --recursive --quiet precious /root/raced").rc == 1
    new.check_output("rm -rf /root/raced")


def test_a_damaged_repository_and_unreadable_files_raise_the_alarm(restored) -> None:
    old, new = restored.old, restored.new
    new.check_output("pack=$(find /srv/vault/data -type f -size +8k | head --lines=1) && truncate --size=-1 $pack")
    assert old.run("systemctl start nbops-backup-check.service").rc != 0
    assert json.loads(old.file(STATUS).content_string)["last_check"]["result"] != "ok"
    wait_until(lambda: old.file("/run/alarm").exists)
