"""Visits the notebook servers of this host as a person would, for nbops.jupyter; runs as root, without Ansible.

    probe.py run      visits each target of targets.json beside this file; reads their secrets from standard input
    probe.py watch    the same for a timer: secrets from a credential, results to the journal and to metrics
    probe.py clean    removes what a run that was cut off left behind

Root only makes ready and takes away: an account for the visit with a password that nobody knows, or a token of the hub.
The visit itself, steps.py, is a process without any rights. All is gone at the end, also when it is cut off: the unit
runs `clean` when it stops, and each run begins with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import http.client
import json
import os
import pathlib
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import textfile

HERE = pathlib.Path(__file__).resolve().parent
LOCK = "/run/nbops-probe.lock"
ACCOUNT, COMMENT = "nbops-probe", "made by nbops.jupyter for its probe"
VISIT = "nbops-probe-visit.service"
# What systemd says of a program that it cannot start.
NO_PROGRAM = "Failed to find executable"
CERTIFICATES = pathlib.Path("/etc/ssl/jupyter")
# Seconds for one answer of the hub, for a visit, and for what a token is good.
ANSWER, VISIT_SECONDS, TOKEN_SECONDS = 30, 420, 600
# Seconds in which a hub gives up a server that ended while it started.
FORGET_SECONDS = 90
# What a hub answers that does not take the role's token, as where its database is away. It goes on to do so.
REFUSED = (401, 403)
# Of a server whose environment is missing; nothing is made for its visit.
NOTHING = "{name}: Nothing is deployed here, because there is no {python}; run nbops.jupyter.jupyter{kind} first."
METRICS = "nbops_probe.prom"
STATES, STEP = ("ok", "warn", "skip", "red"), re.compile(r"[a-z]{1,20}")
LEVELS = {"red": "<3>", "warn": "<4>"}
# What a token may do: start, use and stop one person's own server.
SCOPES = ("read:users!user", "servers!user", "access:servers!user")
SANDBOX = {
    "CapabilityBoundingSet": "",
    "LockPersonality": "yes",
    "MemoryMax": "512M",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectSystem": "strict",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "RuntimeMaxSec": str(VISIT_SECONDS),
    "SystemCallFilter": "@system-service",
    "TasksMax": "32",
    "UMask": "0077",
}

Target = dict[str, Any]
Row = dict[str, Any]


class ProbeError(Exception):
    """A visit cannot be made ready; the text is a sentence with the likely cause."""


def main() -> int:
    os.umask(0o022)
    # What is made is taken away on the way out.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(143))
    targets = json.loads((HERE / "targets.json").read_text(encoding="utf-8"))
    if sys.argv[1:] == ["clean"]:
        # Whoever has the lock has cleaned up already.
        with locked(fcntl.LOCK_EX | fcntl.LOCK_NB) as is_ours:
            return len(clean(targets)) if is_ours else 0
    if sys.argv[1:] == ["watch"]:
        return watch(targets)
    print(json.dumps({"rows": run(targets, json.load(sys.stdin))}))
    return 0


def watch(targets: list[Target]) -> int:
    """Visits by a timer: a line in the journal for each step, and metrics. Returns 1 where a step failed."""
    settings = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
    credentials = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"])
    rows = run(targets, json.loads((credentials / "secrets").read_text(encoding="utf-8")))
    for one in rows:
        # The journal takes a line with such a prefix for an error, or a warning.
        line = f"{one['check']}: {one['state']}: {one['text']}".replace("\n", " ")
        print(LEVELS.get(one["state"], "") + line, flush=True)
    directory = pathlib.Path(settings["textfile_directory"])
    if directory.is_dir():
        write_metrics(directory / METRICS, metrics(targets, rows, time.time()))
    return int(any(one["state"] == "red" for one in rows))


def metrics(targets: list[Target], rows: list[Row], now: float) -> str:
    """The results in the text format of Prometheus; `now` is in seconds since 1970."""
    success, seconds = [], []
    for target in targets:
        labels = {"kind": target["kind"], "name": target["name"]}
        own = [one for one in rows if one["key"] == target["key"]]
        success.append((labels, str(int(all(one["state"] != "red" for one in own)))))
        well = [one for one in own if one["state"] in ("ok", "warn")]
        # Each once: Prometheus takes nothing of a file that says something twice.
        steps = {one["check"]: one["seconds"] for one in well}
        seconds += [({**labels, "step": step}, f"{taken:g}") for step, taken in steps.items()]
    return "".join(
        textfile.metric(name, "gauge", help_text, samples)
        for name, help_text, samples in (
            ("nbops_probe_success", "Whether the last visit to a server went well, as 1 or 0.", success),
            ("nbops_probe_step_seconds", "Duration of each step of the last visit that went well.", seconds),
            ("nbops_probe_last_run_timestamp_seconds", "Time of the last visits.", [({}, f"{now:.0f}")]),
        )
    )


def write_metrics(path: pathlib.Path, text: str) -> None:
    """Writes a file in one step. Everybody can read it, because node_exporter is not root."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.rename(path)


def run(targets: list[Target], known: dict[str, dict[str, str]]) -> list[Row]:
    """The rows of all visits; `known` has what opens a target, by its key."""
    rows = []
    with locked(fcntl.LOCK_EX):
        for target in targets:
            # A link to an interpreter that is gone is something else: a release that has to be built anew.
            if not os.path.lexists(target["python"]):
                rows.append({**row("visit", "red", NOTHING.format(**target)), "key": target["key"]})
                continue
            if target["login"] == "none":
                # Nothing is made for it, and nothing taken away.
                rows += [{**one, "key": target["key"]} for one in visit({**target, **ready(target)})]
                continue
            clean(targets)
            found = []
            try:
                found += visit({**target, **ready(target), **known.get(target["key"], {})})
            except ProbeError as error:
                found.append(row("account", "red", f"{target['name']}: {error}"))
            finally:
                left = clean(targets)
            found += [row("cleanup", "warn", text) for text in left]
            rows += [{**one, "key": target["key"]} for one in found]
    return rows


def row(check: str, state: str, text: str) -> Row:
    """A row that is not a step of the visit itself."""
    return {"check": check, "state": state, "text": text, "seconds": 0}


@contextlib.contextmanager
def locked(how: int) -> Iterator[bool]:
    """Keeps other runs out; False where another one is on its way and `how` does not wait."""
    while True:
        with open(LOCK, "w", encoding="ascii") as file:
            try:
                fcntl.flock(file, how)
            except BlockingIOError:
                yield False
                return
            # Whoever had it has removed it, so that nothing is left.
            if is_same(file.fileno(), LOCK):
                try:
                    yield True
                finally:
                    os.unlink(LOCK)
                return


def is_same(descriptor: int, path: str) -> bool:
    """Whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def ready(target: Target) -> dict[str, str]:
    """Makes what a visit needs. Raises ProbeError."""
    found = {"stopped": " ".join(stopped(target["unit"], target["proxy"]))}
    deployed = CERTIFICATES / target["certificate"] / "fullchain.pem"
    if target["certificate"] and deployed.is_file():
        found["deployed"] = deployed.read_text(encoding="ascii", errors="replace")
    if target["login"] == "account":
        password = secrets.token_urlsafe(32)
        make_account(target["group"], password)
        found |= {"user": ACCOUNT, "password": password}
    elif target["login"] == "token" and target["kind"] == "hub":
        make_account(target["group"], "")
        found |= {"user": ACCOUNT, "token": hub_token(target)}
    return found


def make_account(group: str, password: str) -> None:
    """An account for the visit that may have a server of the hub, and nothing else; without a password it has none."""
    with contextlib.suppress(KeyError):
        raise ProbeError(
            f"The account {ACCOUNT} is somebody's ({pwd.getpwnam(ACCOUNT).pw_gecos or 'without a comment'}); the probe "
            "needs this name for itself: rename or remove the account."
        )
    # Should all else fail, it expires; nobody knows its password.
    expiry = (datetime.now(timezone.utc) + timedelta(days=2)).strftime("%Y-%m-%d")
    keys = [f"--key={key}" for key in ("HOME_MODE=0700", "SUB_UID_COUNT=0", "SUB_GID_COUNT=0")]
    command = ["useradd", "--create-home", *keys, f"--expiredate={expiry}", "--shell=/usr/sbin/nologin"]
    status, message, comment = 0, "", COMMENT
    if not is_group(group):
        # A hub that lists nobody has no group yet. By the comment, what was made for the visit is found again.
        status, message = call("groupadd", "--system", group)
        comment = f"{COMMENT},{group}"
    if status == 0:
        status, message = call(*command, f"--groups={group}", f"--comment={comment}", ACCOUNT)
    if status != 0:
        raise ProbeError(f"No account could be made for the visit: {message}; see /etc/login.defs, and df /etc /home.")
    if password:
        status, message = call("chpasswd", text=f"{ACCOUNT}:{password}\n")
        if status != 0:
            raise ProbeError(f"The account for the visit got no password: {message}; see /etc/pam.d/chpasswd.")


def is_group(name: str) -> bool:
    """Whether the host has a group of this name."""
    try:
        return bool(grp.getgrnam(name))
    except KeyError:
        return False


def hub_token(target: Target) -> str:
    """A token for the account's own server that is good for minutes. Raises ProbeError."""
    ask(target, "POST", f"/users/{ACCOUNT}", {}, accept=(201, 409))
    wanted = {"expires_in": TOKEN_SECONDS, "note": COMMENT, "scopes": list(SCOPES)}
    return json.loads(ask(target, "POST", f"/users/{ACCOUNT}/tokens", wanted, accept=(201,))[1])["token"]


def ask(target: Target, method: str, path: str, body: Any = None, accept: tuple[int, ...] = ()) -> tuple[int, bytes]:
    """Status and content of the hub's answer to the role's own service.

    Raises ProbeError, never with the token in its text; also for a status that is not one of `accept`, if these are
    given.
    """
    address, unit = urlsplit(target["api_url"]), target["unit"]
    if stopped(unit):
        # systemd holds its address, where a question would wait for it.
        raise ProbeError(f"{unit} does not run; see systemctl status {unit}.")
    try:
        token = pathlib.Path(target["token_file"]).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise ProbeError(f"The token of the hub cannot be read: {error}; run the playbook.") from None
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ANSWER)
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    try:
        connection.request(method, address.path + path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise ProbeError(f"The hub does not answer ({error}); see systemctl status {unit}.") from None
    finally:
        connection.close()
    if accept and answer.status not in accept:
        is_away = answer.status in REFUSED or answer.status >= 500
        away = "its database may be away, which nbops.jupyter.status tells; " if is_away else ""
        raise ProbeError(f"The hub answers {answer.status} to {method} {path}; {away}see journalctl --unit={unit}.")
    return answer.status, content


def visit(target: Target) -> list[Row]:
    """The rows of a visit, by a process without rights. A socket of one person's is visited as that person."""
    address = urlsplit(target["url"])
    port = address.port or (443 if address.scheme == "https" else 80)
    job = {**target, "host": address.hostname, "port": port}
    account = {"User": target["as"]} if target.get("as") else {"DynamicUser": "yes"}
    # What is visited lies in no home; a socket of a person's is in /run.
    properties = [f"--property={name}={value}" for name, value in {**SANDBOX, **account}.items()]
    command = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit={VISIT}", *properties]
    done = subprocess.run(
        [*command, target["python"], "-sEB", str(HERE / "steps.py")],
        input=json.dumps(job),
        capture_output=True,
        check=False,
        text=True,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
    )
    rows = rows_of(done.stdout)
    is_red = any(one["state"] == "red" for one in rows)
    if not rows or done.returncode != is_red:
        last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        needs = f"{target['python']} has to be there, with requests and websocket-client; run the playbook that deploys"
        hint = needs if "No module named" in last or NO_PROGRAM in done.stderr else f"see journalctl --unit={VISIT}"
        rows.append(row("visit", "red", f"{target['name']}: The visit ended early: {last.rstrip('.')}; {hint}."))
    return rows


def rows_of(said: str) -> list[Row]:
    """The rows that a visit has printed. Where it ran as a person, that person may have written anything there."""
    found = []
    for line in said.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            one = json.loads(line)
            if is_row(one):
                found.append(one)
    return found


def is_row(one: Any) -> bool:
    """Whether it is the row of a step, as steps.py prints it."""
    if not isinstance(one, dict) or one.keys() != {"check", "state", "text", "seconds"}:
        return False
    texts, seconds = [one[key] for key in ("check", "state", "text")], one["seconds"]
    return (
        all(isinstance(text, str) for text in texts)
        and STEP.fullmatch(one["check"]) is not None
        and one["state"] in STATES
        and isinstance(seconds, (int, float))
        and 0 <= seconds <= VISIT_SECONDS
    )


def clean(targets: list[Target]) -> list[str]:
    """Removes what visits leave behind: server, account, home, record. Returns what is left, as sentences."""
    call("systemctl", "stop", VISIT)
    hubs = [target for target in targets if target["kind"] == "hub"]
    left = []
    with contextlib.suppress(KeyError):
        account = pwd.getpwnam(ACCOUNT)
        if account.pw_gecos.partition(",")[0] == COMMENT:
            left += remove_account(account, hubs)
    return [*left, *filter(None, map(forget, hubs))]


def remove_account(account: pwd.struct_passwd, hubs: list[Target]) -> list[str]:
    """Removes the account with its servers and its home. Returns what is left, as a sentence."""
    for unit in units_of(account):
        call("systemctl", "stop", unit)
        # One that failed would stay.
        call("systemctl", "reset-failed", unit)
    end_processes(account.pw_uid)
    status, message = call("userdel", "--remove", ACCOUNT)
    group = account.pw_gecos.partition(",")[2]
    if group and status == 0 and is_group(group) and not grp.getgrnam(group).gr_mem:
        call("groupdel", group)
    for hub in hubs:
        shutil.rmtree(f"/run/{hub['name']}-sockets/{ACCOUNT}", ignore_errors=True)
    return [f"The account {ACCOUNT} could not be removed: {message}; the next run tries again."] if status != 0 else []


def forget(hub: Target) -> str:
    """Removes the hub's record of the account; why not, where that fails.

    While the hub still waits for a server of it, it keeps the record.
    """
    deadline = time.monotonic() + FORGET_SECONDS
    while True:
        try:
            status = ask(hub, "DELETE", f"/users/{ACCOUNT}", accept=())[0]
        except ProbeError as error:
            return f"{hub['name']}: its record of {ACCOUNT} may be left until the next run: {error}"
        if status in (204, 404):
            return ""
        if status in REFUSED or time.monotonic() >= deadline:
            return f"{hub['name']}: it keeps its record of {ACCOUNT} until the next run: HTTP {status}."
        time.sleep(1)


def units_of(account: pwd.struct_passwd) -> list[str]:
    """The services that run as an account."""
    done = subprocess.run(
        ["systemctl", "show", "--type=service", "--property=Id,User", "*"], capture_output=True, check=False, text=True
    )
    found = []
    for block in done.stdout.split("\n\n"):
        values = dict(line.partition("=")[::2] for line in block.splitlines())
        if values.get("User") in (account.pw_name, str(account.pw_uid)):
            found.append(values["Id"])
    return found


def stopped(*units: str) -> list[str]:
    """Those of these units that do not run."""
    return [unit for unit in units if unit and call("systemctl", "is-active", "--quiet", unit)[0] != 0]


def end_processes(uid: int) -> None:
    """Ends what runs as an account, because userdel refuses one that is in use."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        running = []
        for process in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{process}").st_uid == uid:
                    running.append(int(process))
        if not running:
            return
        for number in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        time.sleep(0.05)


def call(*command: str, text: str | None = None) -> tuple[int, str]:
    """The status of a program, and the last line that it said."""
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    done = subprocess.run(
        command, input=text, capture_output=True, check=False, text=True, env={"PATH": path, "LC_ALL": "C.UTF-8"}
    )
    said = (done.stderr or done.stdout).strip().splitlines()
    return done.returncode, said[-1].rstrip(".") if said else ""


if __name__ == "__main__":
    sys.exit(main())
