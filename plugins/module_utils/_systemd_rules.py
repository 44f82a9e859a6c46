# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of units must fulfil before anything is written. Pure: the role asks on the controller, the module on the host."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd_unit import (
    LIMITS,
    has_file,
    is_template,
    kind,
    profile_name,
    service_directives,
)

KINDS = ("service", "socket", "timer", "path", "target", "slice", "mount")
NAME = re.compile(r"[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]*)?\.(" + "|".join(KINDS) + ")")
DROP_IN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?<!\.conf)")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
CREDENTIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
PATH = re.compile(r"/[^\s:\"'\\$]*")
URL = re.compile(r"(https?|tcp)://[^\s\"'\\$]+")
VARIABLE = re.compile(r"(?:^|[\s\"'])([A-Za-z_][A-Za-z0-9_]*)=")
SECRET = re.compile(r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|PRIVATE_?KEY|API_?KEY", re.IGNORECASE)
# Names a place, so its value is no secret.
PLACE = re.compile(r"_(FILE|PATH|DIR)$", re.IGNORECASE)


def problems(units: list[dict], profiles: dict) -> list[str]:
    """Every broken rule, each with the rule, the unit's name and what to write instead. Values are never quoted."""
    found = [text for name, directives in profiles.items() for text in _profile_problems(name, directives)]
    seen = set()
    for unit in units:
        name, drop_in = str(unit.get("name") or ""), str(unit.get("drop_in") or "")
        label = f"{name} ({drop_in})" if drop_in else name
        if (name, drop_in) in seen:
            found.append(f"{label}: described twice; merge the two entries.")
        seen.add((name, drop_in))
        found += [f"{label}: {text}" for text in _unit_problems(unit, profiles)]
    return found


def _profile_problems(name: str, directives: object) -> Iterator[str]:
    if name == "none":
        yield "Sandbox profile none: it stands for no sandbox and cannot be changed; define a profile with another name."
    elif not isinstance(directives, dict):
        yield f"Sandbox profile {name}: must be a mapping of [Service] directives."
    else:
        yield from (f"Sandbox profile {name}: {text}" for text in _section_problems("Service", directives))


def _unit_problems(unit: dict, profiles: dict) -> Iterator[str]:
    name_problems = list(_name_problems(unit))
    if name_problems or unit.get("state") == "absent":
        yield from name_problems
        return
    text_problems = [text for text in _sections_problems(unit)]
    if text_problems:
        yield from text_problems
        return
    yield from _scope_problems(unit)
    yield from _state_problems(unit)
    yield from _profile_choice_problems(unit, profiles)
    yield from _credential_problems(unit)
    yield from _limit_problems(unit)
    yield from _ready_problems(unit, profiles)


def _name_problems(unit: dict) -> Iterator[str]:
    name, drop_in = str(unit.get("name") or ""), str(unit.get("drop_in") or "")
    if not NAME.fullmatch(name) or len(name) > 255:
        yield f"a unit's name is letters, digits and :_.-\\ with one of the endings .{', .'.join(KINDS)}, such as lab.service."
    elif "@" in name and kind(name) in ("slice", "mount"):
        yield f"a {kind(name)} cannot be a template or an instance; write a name without @."
    if drop_in and not DROP_IN.fullmatch(drop_in):
        yield "drop_in is a file's name without folder and without .conf, such as 50-limits."


def _sections_problems(unit: dict) -> Iterator[str]:
    for section, directives in (unit.get("sections") or {}).items():
        if not WORD.fullmatch(str(section)):
            yield "a section's name is a word such as Service, without brackets."
        elif directives is not None and not isinstance(directives, dict):
            yield f"section {section} must be a mapping of directives to values."
        else:
            yield from _section_problems(section, directives or {})


def _section_problems(section: str, directives: dict) -> Iterator[str]:
    for directive, value in directives.items():
        where = f"{section}.{directive}"
        values = value if isinstance(value, (list, tuple)) else [value]
        if not WORD.fullmatch(str(directive)):
            yield f"a directive of section {section} is not a word such as ExecStart."
        elif any(not isinstance(item, (str, int, float)) for item in values if value is not None):
            yield f"{where} must be a text, number, boolean, a list of these, or null."
        elif any(not _is_one_line(str(item)) for item in values):
            yield f"{where} must be one line without control characters or a backslash at its end; write a list to repeat the directive."
        elif (directive == "UMask" or directive.endswith("Mode")) and any(_is_number(item) for item in values):
            yield f"{where} is an octal mode; write it in quotes, because YAML reads 0077 as the number 63."
        elif directive == "SetCredential":
            yield f"{where} puts a secret into a file that everybody can read; use credentials with a file instead."
        elif directive == "Environment":
            yield from (f"{where} sets {name}: everybody can read a unit; use credentials instead." for name in _secrets(values))


def _is_one_line(text: str) -> bool:
    return text.replace("\t", " ").isprintable() and not text.endswith("\\")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _secrets(assignments: list) -> list[str]:
    names = [name for assignment in assignments for name in VARIABLE.findall(str(assignment))]
    return [name for name in names if SECRET.search(name) and not PLACE.search(name)]


def _scope_problems(unit: dict) -> Iterator[str]:
    name = unit["name"]
    service_only = [option for option in ("credentials", "limits", "ready", "sandbox") if _is_used(unit.get(option))]
    if kind(name) != "service":
        yield from (f"{option} is for services only; remove it, or write the directives in sections." for option in service_only)
    if unit.get("restart_on") is not None:
        if kind(name) not in ("service", "socket") or is_template(name):
            yield "restart_on is for services and sockets that run; on a template's behalf, write it at each instance."
        if any(not PATH.fullmatch(str(path)) for path in unit["restart_on"]):
            yield "restart_on is a list of absolute paths."
    if unit.get("drop_in") and not (unit.get("sections") or service_only):
        yield "a drop-in without content; write sections, limits, credentials or sandbox."
    if not has_file(unit) and service_only:
        yield f"{service_only[0]} needs a file to stand in; write sections, or drop_in for a unit that somebody else owns."
    if unit.get("drop_in") and unit.get("ready"):
        yield "ready is for whole services; a drop-in belongs to a unit whose start is somebody else's."


def _is_used(option: object) -> bool:
    """False for an option that is absent, empty, the profile none, or a mapping of nothing but nulls."""
    values = option.values() if isinstance(option, dict) else [option]
    return any(value not in (None, "", "none") for value in values)


def _state_problems(unit: dict) -> Iterator[str]:
    name, sections = unit["name"], unit.get("sections") or {}
    service = sections.get("Service") or {}
    whole = has_file(unit) and not unit.get("drop_in")
    if is_template(name) and not unit.get("drop_in") and (unit.get("enabled") is True or unit.get("started") is True):
        yield "a template cannot be enabled or started; list its instances as entries with a name only."
    if whole and unit.get("enabled") is True and not sections.get("Install"):
        yield "enabled needs a section Install, such as {WantedBy: multi-user.target}."
    if whole and kind(name) == "service":
        if not service.get("User") and service.get("DynamicUser") is not True and service.get("DynamicUser") != "yes":
            yield "say who runs it: write User (root, if it must be), or DynamicUser: true."
        if service.get("Type") == "oneshot" and not is_template(name) and unit.get("started") is not False:
            if service.get("RemainAfterExit") not in (True, "yes"):
                yield "a oneshot service ends at once; write started: false (a timer or another unit starts it), or RemainAfterExit: true."


def _profile_choice_problems(unit: dict, profiles: dict) -> Iterator[str]:
    chosen = profile_name(unit)
    if chosen != "none" and chosen not in profiles:
        yield f"no sandbox profile is called {chosen}; choose one of {', '.join(sorted({'none', *profiles}))}, or define it."


def _credential_problems(unit: dict) -> Iterator[str]:
    for name, path in (unit.get("credentials") or {}).items():
        if not CREDENTIAL.fullmatch(str(name)):
            yield "a credential's name is letters, digits and _.- such as cookie_secret."
        elif not PATH.fullmatch(str(path)):
            yield f"credential {name} must be the absolute path of a file, never the secret itself."


def _limit_problems(unit: dict) -> Iterator[str]:
    service = (unit.get("sections") or {}).get("Service") or {}
    for name, value in (unit.get("limits") or {}).items():
        if value is None:
            continue
        if not re.fullmatch(r"[0-9A-Za-z.:%]+", str(value)):
            yield f"limits.{name} is one word such as 2G, 512, 200% or infinity."
        elif service.get(LIMITS[name]) is not None:
            yield f"limits.{name} and Service.{LIMITS[name]} say the same thing; keep one."


def _ready_problems(unit: dict, profiles: dict) -> Iterator[str]:
    ready = unit.get("ready")
    if not ready:
        return
    url, path, timeout = ready.get("url"), ready.get("socket"), int(ready.get("timeout") or 60)
    service = service_directives(unit, profiles)
    limit = str(service.get("TimeoutStartSec", ""))
    if not url and not path:
        yield "ready needs url, socket, or both (HTTP over that socket)."
    if url and not URL.fullmatch(str(url)):
        yield "ready.url is http://host:port/path, https://... or tcp://host:port, without spaces, quotes or $."
    elif url and str(url).startswith("tcp:") and (path or not re.search(r":[0-9%][^:/]*$", str(url))):
        yield "ready.url tcp://host:port only connects and needs the port; with socket, write an http URL or none."
    if path and not PATH.fullmatch(str(path)):
        yield "ready.socket is an absolute path without spaces, quotes or $."
    if timeout <= 0:
        yield "ready.timeout is a positive number of seconds."
    if service.get("Type") == "oneshot":
        yield "ready is for services that stay; a oneshot service is ready when it has ended."
    if limit != "infinity" and (not limit.isdigit() or int(limit) <= timeout):
        yield f"Service.TimeoutStartSec must be a number of seconds above ready.timeout ({timeout}), or infinity; or leave it out."
    if service.get("PrivateNetwork") in (True, "yes") and not path:
        yield "nothing outside reaches the address of a service without network; write ready.socket."
