# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of units must fulfil before anything is written.

Pure, and asked twice: by the role on the controller, before any host is touched, and by the module on the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import (
    LIMITS,
    READY_TIMEOUT_SECONDS,
    has_file,
    is_template,
    is_whole,
    kind,
    profile_name,
    service_directives,
)

KINDS = ("service", "socket", "timer", "path", "target", "slice", "mount", "automount")
NAME = re.compile(r"[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]*)?\.(" + "|".join(KINDS) + ")")
NAME_LENGTH = 255
DROP_IN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?<!\.conf)")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
CREDENTIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
LIMIT = re.compile(r"[0-9A-Za-z.:%]+")
PATH = re.compile(r"/[^\s:\"'\\$]*")
URL = re.compile(r"(https?|tcp)://[^\s\"'\\$]+")
WITH_PORT = re.compile(r".*:[0-9%][^:/]*")
VARIABLE = re.compile(r"(?:^|[\s\"'])([A-Za-z_][A-Za-z0-9_]*)=")
SECRET = re.compile(r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|PRIVATE_?KEY|API_?KEY", re.IGNORECASE)
# Names a place, so its value is no secret.
PLACE = re.compile(r"_(FILE|PATH|DIR)$", re.IGNORECASE)
YES = (True, "yes", "true", "on", "1")


def problems(units: list[dict], profiles: dict) -> list[str]:
    """Every broken rule, each with the unit's name, the rule and what to write instead. Values are never quoted."""
    found = [text for name, directives in profiles.items() for text in _profile(name, directives)]
    seen = set()
    for unit in units:
        name, drop_in = str(unit.get("name") or ""), str(unit.get("drop_in") or "")
        label = f"{name} ({drop_in})" if drop_in else name
        if (name, drop_in) in seen:
            found.append(f"{label}: described twice; merge the two entries.")
        seen.add((name, drop_in))
        found += [f"{label}: {text}" for text in _unit(unit, profiles)]
    return found


def _profile(name: str, directives: object) -> Iterator[str]:
    if name == "none":
        yield "Sandbox profile none: it stands for no sandbox; define a profile with another name."
    elif not isinstance(directives, dict):
        yield f"Sandbox profile {name}: must be a mapping of directives of the section Service."
    else:
        yield from (f"Sandbox profile {name}: {text}" for text in _section("Service", directives))


def _unit(unit: dict, profiles: dict) -> list[str]:
    """The rules in three steps, because each one relies on what the one before has made sure."""
    found = list(_name(unit))
    if found or unit.get("state") == "absent":
        return found
    found = list(_sections(unit))
    if found:
        return found
    return [
        *_scope(unit),
        *_state(unit),
        *_sandbox(unit, profiles),
        *_credentials(unit),
        *_limits(unit),
        *_ready(unit, profiles),
    ]


def _name(unit: dict) -> Iterator[str]:
    name, drop_in = str(unit.get("name") or ""), str(unit.get("drop_in") or "")
    if not NAME.fullmatch(name) or len(name) > NAME_LENGTH:
        yield f"a unit's name is letters, digits and :_.-\\ and ends in .{', .'.join(KINDS)}, such as lab.service."
    elif "@" in name and kind(name) in ("slice", "mount", "automount"):
        yield f"a {kind(name)} cannot be a template or an instance; write a name without @."
    if drop_in and not DROP_IN.fullmatch(drop_in):
        yield "drop_in is the name of a file, without folder and without .conf; write one such as 50-limits."


def _sections(unit: dict) -> Iterator[str]:
    for section, directives in (unit.get("sections") or {}).items():
        if not WORD.fullmatch(str(section)):
            yield "the name of a section is a word; write it without brackets, such as Service."
        elif directives is not None and not isinstance(directives, dict):
            yield f"section {section} must be a mapping of directives to values."
        else:
            yield from _section(section, directives or {})


def _section(section: str, directives: dict) -> Iterator[str]:
    for directive, value in directives.items():
        where = f"{section}.{directive}"
        values = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
        if not WORD.fullmatch(str(directive)):
            yield f"a directive of section {section} is not a word; write one such as ExecStart."
        elif not all(isinstance(item, (str, int, float)) for item in values):
            yield f"{where} must be a text, number or boolean, a list of these, or null."
        elif not all(_is_one_line(str(item)) for item in values):
            yield f"{where} must be one line without a backslash at its end; write a list to repeat the directive."
        elif (directive == "UMask" or directive.endswith("Mode")) and any(_is_number(item) for item in values):
            yield f"{where} is an octal mode; write it in quotes, because YAML reads 0077 as the number 63."
        elif directive == "SetCredential":
            yield f"{where} puts a secret into a file that everybody can read; use credentials with a file instead."
        elif directive == "Environment":
            for name in _secrets(values):
                yield f"{where} sets {name}, and everybody can read a unit; use credentials with a file instead."


def _is_one_line(text: str) -> bool:
    return text.replace("\t", " ").isprintable() and not text.endswith("\\")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _secrets(assignments: list) -> list[str]:
    names = [name for assignment in assignments for name in VARIABLE.findall(str(assignment))]
    return [name for name in names if SECRET.search(name) and not PLACE.search(name)]


def _scope(unit: dict) -> Iterator[str]:
    """Which options fit which entry."""
    name, restart_on = unit["name"], unit.get("restart_on")
    used = [option for option in ("credentials", "limits", "ready", "sandbox") if _is_used(unit.get(option))]
    if kind(name) != "service":
        yield from (f"{option} is for services; write the directives in sections instead." for option in used)
    if restart_on is not None:
        if kind(name) not in ("service", "socket") or is_template(name):
            yield "restart_on is for a service or socket that runs; of a template, write it at each instance."
        if not all(PATH.fullmatch(str(path)) and "%" not in str(path) for path in restart_on):
            yield "restart_on is a list of absolute paths, without specifiers."
    if used and not has_file(unit):
        yield f"{used[0]} needs a file; write sections, or drop_in for a unit that somebody else owns."
    if unit.get("drop_in"):
        if not used and not unit.get("sections"):
            yield "a drop-in without content; write sections, limits, credentials or sandbox."
        if unit.get("ready"):
            yield "ready is for whole services; leave it out, because a drop-in's unit is started by its owner."


def _is_used(option: object) -> bool:
    """False for an option that is absent, empty, the profile none, or a mapping of nothing but nulls."""
    values = option.values() if isinstance(option, dict) else [option]
    return any(value not in (None, "", "none") for value in values)


def _state(unit: dict) -> Iterator[str]:
    if is_template(unit["name"]) and True in (unit.get("enabled"), unit.get("started")):
        yield "a template cannot be enabled or started; list its instances, each as an entry with a name."
    if not is_whole(unit):
        return
    sections = unit["sections"]
    if unit.get("enabled") is True and not sections.get("Install"):
        yield "enabled needs a section Install, such as {WantedBy: multi-user.target}."
    if kind(unit["name"]) == "service":
        service = sections.get("Service") or {}
        if not service.get("User") and service.get("DynamicUser") not in YES:
            yield "who runs it is not said; write User (root, if it must be), or DynamicUser: true."
        ends = service.get("Type") == "oneshot" and service.get("RemainAfterExit") not in YES
        if ends and not is_template(unit["name"]) and unit.get("started") is not False:
            yield "a oneshot service ends at once; write started: false, or RemainAfterExit: true in section Service."


def _sandbox(unit: dict, profiles: dict) -> Iterator[str]:
    chosen, known = profile_name(unit), {"none", *profiles}
    if chosen not in known:
        yield f"no sandbox profile is called {chosen}; choose one of {', '.join(sorted(known))}, or define it."


def _credentials(unit: dict) -> Iterator[str]:
    for name, path in (unit.get("credentials") or {}).items():
        if not CREDENTIAL.fullmatch(str(name)):
            yield "a credential's name is letters, digits and _.-; write one such as cookie_secret."
        elif not PATH.fullmatch(str(path)):
            yield f"credential {name} must be the absolute path of a file, never the secret itself."


def _limits(unit: dict) -> Iterator[str]:
    service = (unit.get("sections") or {}).get("Service") or {}
    for name, value in (unit.get("limits") or {}).items():
        if value is None:
            continue
        if not LIMIT.fullmatch(str(value)):
            yield f"limits.{name} is one word; write such as 2G, 512, 200% or infinity."
        elif service.get(LIMITS.get(name)) is not None:
            yield f"limits.{name} and Service.{LIMITS[name]} say the same thing; keep one."


def _ready(unit: dict, profiles: dict) -> Iterator[str]:
    ready = unit.get("ready")
    if not ready:
        return
    url, path = str(ready.get("url") or ""), str(ready.get("socket") or "")
    timeout = int(ready.get("timeout") or READY_TIMEOUT_SECONDS)
    service = service_directives(unit, profiles)
    limit = str(service["TimeoutStartSec"])
    if not url and not path:
        yield "ready needs url, socket, or both (HTTP over that socket)."
    if url and not URL.fullmatch(url):
        yield "ready.url is http://host:port/path, https:// or tcp://host:port, without spaces, quotes or $."
    elif url.startswith("tcp:") and (path or not WITH_PORT.fullmatch(url)):
        yield "ready.url tcp://host:port connects only, and needs a port; with socket, write an http URL or none."
    if path and not PATH.fullmatch(path):
        yield "ready.socket is an absolute path without spaces, quotes or $."
    if timeout <= 0:
        yield "ready.timeout is a positive number of seconds."
    if service.get("Type") == "oneshot":
        yield "ready is for services that stay; leave it out, a oneshot service is ready when it has ended."
    if limit != "infinity" and (not limit.isdigit() or int(limit) <= timeout):
        yield f"Service.TimeoutStartSec must be a number above ready.timeout ({timeout}), or infinity; or leave it out."
    if service.get("PrivateNetwork") in YES and not path:
        yield "nothing reaches the address of a service without network; write ready.socket."
