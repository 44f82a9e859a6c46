#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: python_release
short_description: Keep Python packages as immutable releases behind a link
version_added: "0.1.0"
author:
  - nbops contributors (@nbops)
description:
  - Builds a virtual environment with locked packages in a directory C(releases/<id>) of its own, tries it, and then
    points the link C(current) to it in one step. What ran before stays in place for a rollback.
  - The id follows from what shapes a release, so an unchanged request finds its release and does nothing, and an
    earlier request finds its earlier release where that is still kept.
  - A release whose interpreter no longer starts, for example after an upgrade of the operating system, is built again.
    So is one that has fewer bytes than it was built with, because files were lost or cut off.
  - A failed or interrupted build never touches C(current).
extends_documentation_fragment:
  - nbops.jupyter._attributes
attributes:
  check_mode:
    support: full
    details: Versions of O(packages) are known only after a build.
  diff_mode:
    support: full
    details: Shows the packages.
options:
  path:
    description:
      - Absolute path of the application, such as C(/opt/jupyterlab). Missing directories are made.
    type: path
    required: true
  state:
    description:
      - Whether the application has a current release, or none at all. V(absent) removes all releases and the link, and
        the directory itself if nothing else is in it.
    type: str
    choices: [present, absent]
    default: present
  lock:
    description:
      - Text of a requirements lock. Each line pins a package as C(name==version) with hashes, and may have an
        environment marker. Everything in it that applies to the target is installed.
    type: str
    default: ""
  packages:
    description:
      - Packages with optional versions, such as V(pandas>=2), on top of O(lock) or without one. They are resolved once,
        when a release is built, in such a way that the versions of O(lock) stay.
      - The release keeps the result with hashes as its own lock.
    type: list
    elements: str
    default: []
  refresh:
    description:
      - Any text. Another text builds another release, with O(packages) resolved anew.
    type: str
    default: ""
  python:
    description:
      - The interpreter, by name or by absolute path.
    type: str
    default: python3
  python_floor:
    description:
      - An interpreter below this version is refused before anything is changed.
    type: str
    default: "3.10"
  installer:
    description:
      - V(uv) is fetched when a build needs it, in the version of O(uv_lock), with the pip of the package
        C(python3-pip-whl). V(pip) needs the package C(python3-venv).
    type: str
    choices: [uv, pip]
    default: uv
  uv_lock:
    description:
      - Text of a requirements lock of uv itself. Required with O(installer=uv).
    type: str
    default: ""
  index_url:
    description:
      - Address of the package index, possibly with credentials. Empty means PyPI.
    type: str
    default: ""
  npm_registry:
    description:
      - Address of the registry of npm packages, for setup commands that have a network. Empty means npm's own.
    type: str
    default: ""
  ca_bundle:
    description:
      - File with the certificate authorities that the index is checked against. Empty means those of the system.
    type: path
    default: ""
  proxy:
    description:
      - Address of the proxy for HTTP and HTTPS, possibly with credentials.
    type: str
    default: ""
  wheelhouse:
    description:
      - Directory on the target that holds all packages as files. With it, no index is asked.
      - Where it holds a directory C(npm) with npm's cache, O(setup_commands) find the packages of npm there, and have
        no network even with O(setup_network).
    type: path
    default: ""
  keep:
    description:
      - Number of releases to keep, at least 2. Running services import from the previous one until they restart.
      - Beyond that, releases stay from which a process has loaded code, until a run after its end.
    type: int
    default: 3
  retained:
    description: Names of releases that stay as well, such as the one that another host starts here.
    type: list
    elements: str
    default: []
  files:
    description:
      - Text by relative path inside the release. Everybody on the host can read these files, so they are no place for
        secrets. They are written after the packages are installed, in the place of nothing that is there already, and
        belong to the id of the release.
    type: dict
    default: {}
  source_packages:
    description:
      - Names of packages that may be built from their source on the target. Of all others, only wheels are installed.
      - A build runs code of the package and of its build tools, which no hash covers.
    type: list
    elements: str
    default: []
  setup_commands:
    description:
      - Commands, each a list of arguments, that complete a fresh release before it is tried. A relative program is
        looked up in the release, which is also the working directory.
    type: list
    elements: list
    default: []
  setup_network:
    description:
      - Whether O(setup_commands) have a network. They find the certificate authorities, the proxy and O(npm_registry)
        in their environment then.
    type: bool
    default: false
  smoke_commands:
    description:
      - Commands, each a list of arguments, that have to succeed before a fresh release becomes current. They are found
        like O(setup_commands). They are no part of the id, so other ones try only the next release.
    type: list
    elements: list
    default: []
  overlay:
    description:
      - Whether a release has a second prefix C(overlay) for user code. It sees the packages of the release, of the
        system, and before them those that a user installed with C(pip install). The release's own interpreter sees only
        the release.
    type: bool
    default: false
  compress:
    description:
      - Directories of the release, relative to it, whose text files (such as scripts and style sheets) get compressed
        copies C(.gz) and C(.br) beside them, for a web server that sends those in their place. Files below 300 bytes
        get none, nor do files that would not become smaller.
      - Needs the program C(brotli).
    type: list
    elements: str
    default: []
notes:
  - Nothing that a package brings runs as root. Builds from source, setup and smoke commands run in a sandbox of
    systemd, as an account that exists only for so long, with a temporary home; commands for at most 300 seconds each.
    Setup commands may add, replace and remove files of the release, but not change those of packages in place. A link
    that they leave must not lead out of the release. Smoke commands can only read it, and have no network.
"""

EXAMPLES = r"""
- name: Install JupyterLab from a lock
  nbops.jupyter.python_release:
    path: /opt/jupyterlab
    lock: "{{ lookup('ansible.builtin.file', 'jupyterlab.txt') }}"
    uv_lock: "{{ lookup('ansible.builtin.file', 'uv.txt') }}"
    smoke_commands:
      - [bin/jupyter, lab, --version]

- name: Install a few packages with pip
  nbops.jupyter.python_release:
    path: /opt/report
    packages: ["pandas>=2", requests]
    installer: pip

- name: Remove it
  nbops.jupyter.python_release:
    path: /opt/report
    state: absent
"""

RETURN = r"""
changed_files:
  description: Path of the link C(current), if it leads to another release than before; other releases may be removed.
  returned: when O(state=present)
  type: list
  elements: path
release:
  description: Path of the current release; in check mode, of the one that would be.
  returned: when O(state=present)
  type: str
  sample: /opt/jupyterlab/releases/1f0c2ab9d3e4
release_id:
  description: Name of the release.
  returned: when O(state=present)
  type: str
  sample: 1f0c2ab9d3e4
packages:
  description: Changes of packages. In check mode, one that has yet to be resolved has its requirement for a version.
  returned: when O(state=present)
  type: dict
  contains:
    added:
      description: Version by name.
      type: dict
      returned: always
    removed:
      description: Version by name.
      type: dict
      returned: always
    changed:
      description: By name, the versions C(before) and C(after).
      type: dict
      returned: always
pruned:
  description: Names of the releases that were removed.
  returned: when O(state=present)
  type: list
  elements: str
"""

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.locks import alone, lock_of
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import require_own
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.build import (
    Recipe,
    ReleaseBuild,
    own_lock,
    require_room,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.compress import is_inside
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.files import placeable
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.installers import Pip, Uv
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.interpreter import Interpreter, probe
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import (
    Pin,
    applicable,
    compare_packages,
    normalise_name,
    parse_lock,
    split_specifier,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import SYSTEM_PATH, BuildError, Programs
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.source import FOREIGN_VARIABLES, PackageSource
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import (
    ReleaseStore,
    choose_prunable,
    content_size,
    release_id,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.tools import release_tools
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.venv import host_python

UNRESOLVED = "to be resolved"


ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    # The locks are no secrets, but too long for the journal and for the task's output.
    "lock": {"type": "str", "default": "", "no_log": True},
    "packages": {"type": "list", "elements": "str", "default": []},
    "refresh": {"type": "str", "default": ""},
    "python": {"type": "str", "default": "python3"},
    "python_floor": {"type": "str", "default": "3.10"},
    "installer": {"type": "str", "choices": ["uv", "pip"], "default": "uv"},
    "uv_lock": {"type": "str", "default": "", "no_log": True},
    "index_url": {"type": "str", "default": "", "no_log": True},
    "npm_registry": {"type": "str", "default": ""},
    "ca_bundle": {"type": "path", "default": ""},
    "proxy": {"type": "str", "default": "", "no_log": True},
    "wheelhouse": {"type": "path", "default": ""},
    "keep": {"type": "int", "default": 3},
    "retained": {"type": "list", "elements": "str", "default": []},
    "files": {"type": "dict", "default": {}},
    "source_packages": {"type": "list", "elements": "str", "default": []},
    "setup_commands": {"type": "list", "elements": "list", "default": []},
    "setup_network": {"type": "bool", "default": False},
    "smoke_commands": {"type": "list", "elements": "list", "default": []},
    "overlay": {"type": "bool", "default": False},
    "compress": {"type": "list", "elements": "str", "default": []},
}


@dataclass(frozen=True)
class Plan:
    """The current release and the next one by name, the packages of both, and the releases to remove.

    A new release is built, from the lock of an earlier build of the same id if there is one.
    """

    current: str | None
    name: str
    before: dict[str, str]
    after: dict[str, str]
    prune: list[str]
    is_new: bool = False
    locked: list[Pin] = field(default_factory=list)


class Present:
    """Brings an application to the requested release."""

    def __init__(self, module: AnsibleModule) -> None:
        parameters = module.params
        self._check_mode = module.check_mode
        self._run_command = module.run_command
        self._warn = module.warn
        self._keep, self._retained = parameters["keep"], set(parameters["retained"])
        self._store = ReleaseStore(parameters["path"])
        require_own(parameters["path"])
        if self._keep < 2:
            raise ValueError("keep is below 2: running services import from the previous release until they restart")
        self._recipe = recipe_of(parameters)
        self._requested = dict(split_specifier(package) for package in self._recipe.packages)
        self._source = PackageSource(
            *(parameters[name] for name in ("index_url", "ca_bundle", "proxy", "wheelhouse", "npm_registry"))
        )
        self._programs = Programs(module.run_command, self._source.scrub)
        from_source = self._from_source(parameters["source_packages"])
        self._installer = (
            Pip(self._programs, self._source, from_source)
            if parameters["installer"] == "pip"
            else Uv(self._programs, self._source, parameters["uv_lock"], from_source)
        )
        self._interpreter = self._find_interpreter(parameters["python"], parameters["python_floor"])
        self._id = release_id(self._shape(parameters["refresh"], from_source))

    def _shape(self, refresh: str, from_source: list[str]) -> dict:
        """What a release follows from: another shape is another release."""
        # Releases from before there were these keep their ids.
        newer = {"files": self._recipe.files, "source_packages": from_source}
        return {
            "lock": sorted(pin.text for pin in self._recipe.pins),
            "packages": self._recipe.packages,
            "refresh": refresh,
            "python": self._interpreter.tag,
            "setup_commands": self._recipe.setup_commands,
            "overlay": self._recipe.overlay,
            "compress": self._recipe.compress,
            **{name: value for name, value in newer.items() if value},
        }

    def _from_source(self, names: list[str]) -> list[str]:
        """Those of the names that this release may hold. What packages need beside the lock, only a build tells."""
        named = {normalise_name(name) for name in names}
        return sorted(named if self._recipe.packages else named & {pin.name for pin in self._recipe.pins})

    def _find_interpreter(self, python: str, floor: str) -> Interpreter:
        path = shutil.which(python, path=SYSTEM_PATH)
        interpreter = probe(self._run_command, path) if path else None
        if interpreter is None:
            raise ValueError(f"no Python {python} that starts on this host: install it, or name another one")
        if not interpreter.at_least(floor):
            raise ValueError(
                f"{path} is Python {interpreter.version}, below the floor {floor}: "
                "install a newer Python beside it, and name that one"
            )
        return interpreter

    def run(self) -> dict:
        """Brings the application to the release, or in check mode predicts it, and returns the module's result."""
        if self._check_mode:
            return self._report(self._plan())
        with alone(lock_of(self._store.path)) as lock, self._programs.keeping(lock):
            os.makedirs(self._store.path, exist_ok=True)
            return self._report(self._apply(self._plan()))

    def _plan(self) -> Plan:
        current = self._store.current()
        before = self._packages_of(current)
        candidates = sorted(self._store.names_of(self._id), key=lambda name: name != current)
        name = next((name for name in candidates if self._is_healthy(name)), None)
        if name is not None:
            return Plan(current, name, before, self._packages_of(name), self._prunable(name))
        name = self._store.next_name(self._id)
        locked = next(filter(None, (own_lock(self._store, name) for name in candidates)), [])
        after = self._predict(before, locked)
        return Plan(current, name, before, after, self._prunable(name, candidates), is_new=True, locked=locked)

    def _prunable(self, name: str, broken: Iterable[str] = ()) -> list[str]:
        """The broken and old releases to remove once a release is current, except for those that are needed."""
        activated = {**self._store.activated(), **dict.fromkeys(broken), name: time.time()}
        old = choose_prunable(activated, name, self._keep)
        needed = {*self._retained, *(self._store.used() if old else ())}
        return [other for other in old if other not in needed]

    def _apply(self, plan: Plan) -> Plan:
        """Builds and activates the release and removes others; returns the plan with the packages of the build."""
        if plan.is_new:
            name = self._build(plan)
            plan = replace(plan, name=name, after=self._packages_of(name))
        if plan.name != plan.current:
            self._store.activate(plan.name)
        for other in plan.prune:
            self._store.remove(other)
        if plan.prune:
            self._installer.clean()
        return plan

    def _build(self, plan: Plan) -> str:
        wheelhouse = self._source.wheelhouse
        if wheelhouse and not os.path.isdir(wheelhouse):
            raise ValueError(f"wheelhouse: {wheelhouse} is no directory of this host; put the packages there first")
        previous = self._store.marker(plan.current) or {}
        require_room(self._store.path, self._recipe, previous.get("size"))
        build = ReleaseBuild(self._store, self._recipe, self._interpreter, self._programs, self._source)
        return build.run(self._id, self._installer, plan.locked)

    def _is_healthy(self, name: str) -> bool:
        """Whether a release is valid, has lost nothing, and its interpreter is still the one that it was built for."""
        marker, release = self._store.marker(name), self._store.directory(name)
        path = host_python(release) if marker else None
        interpreter = probe(self._run_command, path) if path else None
        if interpreter is None or interpreter.tag != marker["python"]["tag"]:
            return False
        # Releases from before there was this count have none. What root has added since is no damage.
        built = marker.get("content", 0)
        if (size := content_size(release)) >= built:
            return True
        self._warn(f"{release} has lost files ({size} bytes of {built}): it gives way to a new build of its lock")
        return False

    def _packages_of(self, name: str | None) -> dict[str, str]:
        return (self._store.marker(name) or {}).get("packages", {})

    def _predict(self, before: dict[str, str], locked: list[Pin]) -> dict[str, str]:
        """The packages after a build, as far as they are known before it."""
        environment = self._interpreter.marker_environment()
        if locked:
            return applicable(locked, environment)
        after = applicable(self._recipe.pins, environment)
        unresolved = {name: rest or UNRESOLVED for name, rest in self._requested.items() if name not in after}
        # Whether the packages that came along with others change or go, only a build can tell.
        return {**(before if unresolved else {}), **after, **unresolved}

    def _report(self, plan: Plan) -> dict:
        return {
            "changed": plan.name != plan.current or bool(plan.prune),
            "changed_files": [f"{self._store.path}/current"] if plan.name != plan.current else [],
            "release": self._store.directory(plan.name),
            "release_id": plan.name,
            "packages": compare_packages(plan.before, plan.after),
            "pruned": plan.prune,
            "diff": {
                "before_header": f"{self._store.path} ({plan.current or 'no release'})",
                "after_header": f"{self._store.path} ({plan.name})",
                "before": listing(plan.before),
                "after": listing(plan.after),
            },
        }


def recipe_of(parameters: dict) -> Recipe:
    """What a release is made of, from the module's parameters. Raises ValueError where nothing can be built of it."""
    recipe = Recipe(
        pins=parse_lock(parameters["lock"]),
        packages=sorted(parameters["packages"]),
        files=placeable(parameters["files"]),
        setup_commands=texts(parameters["setup_commands"]),
        setup_network=parameters["setup_network"],
        smoke_commands=texts(parameters["smoke_commands"]),
        overlay=parameters["overlay"],
        compress=sorted(parameters["compress"]),
    )
    if not recipe.pins and not recipe.packages:
        raise ValueError("nothing to install: give a lock, packages or both")
    if not all(map(is_inside, recipe.compress)):
        raise ValueError("compress names a directory outside of the release: write relative paths without ..")
    return recipe


def absent(path: str, check_mode: bool) -> dict:
    """Removes all releases of an application, or in check mode predicts it, and returns the module's result."""
    store = ReleaseStore(path)
    there = store.is_there()
    before = listing((store.marker(store.current()) or {}).get("packages", {}))
    if not check_mode:
        if there:
            with alone(lock_of(path)):
                store.remove_all()
        release_tools(path)
    return {"changed": there, "diff": {"before": before, "after": ""}}


def texts(commands: list[list]) -> list[list[str]]:
    """Commands with every argument as text.

    Raises ValueError where one is empty.
    """
    if not all(commands):
        raise ValueError("a command is empty: it begins with a program")
    return [[str(argument) for argument in command] for command in commands]


def listing(packages: dict[str, str]) -> str:
    """Packages as lines of a diff."""
    return "".join(f"{name} {version}\n" for name, version in sorted(packages.items()))


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    for name in list(os.environ):
        if name.startswith(FOREIGN_VARIABLES):
            del os.environ[name]
    try:
        if module.params["state"] == "absent":
            result = absent(module.params["path"], module.check_mode)
        else:
            result = Present(module).run()
    except (BuildError, OSError, ValueError) as error:
        module.fail_json(msg=atomic.explained(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
