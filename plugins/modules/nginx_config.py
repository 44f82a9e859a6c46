#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_config
short_description: Put files before nginx that it accepts, or none
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._mark
description:
  - Writes and removes any number of files below nginx's directory, as one change. Afterwards either all of them are on
    disk and loaded by the running nginx, or none is and every file is as it was.
  - Before anything on disk changes, nginx itself tests the new files together with the host's whole configuration.
    The test sees them in a mount namespace of its own.
  - The running nginx is reloaded, never restarted, and the module waits for its new workers.
  - A run that was interrupted between writing and loading is completed by the next one.
  - A file that does not carry O(mark) belongs to somebody else. It is neither replaced nor removed.
options:
  directory:
    description: Directory that the files are in or below. What else is there is left alone.
    type: path
    default: /etc/nginx
  files:
    description:
      - Paths of files below O(directory) to their text, which contains O(mark), or to null where there must be no file.
      - Of a name that ends in C(.conf), nginx has to say that it reads it. Others are pages and the like; their
        directories are made, and removed with the last page.
    type: dict
    default: {}
  private_files:
    description:
      - The same, for files that only root and O(private_group) may read, such as passwords. A diff does not show them.
    type: dict
    default: {}
  private_group:
    description: Group that nginx's workers belong to.
    type: str
    default: www-data
  logs:
    description:
      - Log files that the configuration names. nginx would make them readable for everybody, here they are for the
        group C(adm).
    type: list
    elements: path
    default: []
  requires:
    description:
      - Files that the configuration names and that earlier tasks make, for example certificates.
      - In check mode, nginx cannot judge the configuration while one of them is missing, and is not asked to.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    details: Predicts the change, and has nginx test it if there is an nginx and no file in O(requires) is missing.
  diff_mode:
    support: full
    details: Shows the files as they were and as they will be.
notes:
  - A mount namespace needs C(CAP_SYS_ADMIN). Root has it on every machine; a container has to be given it.
  - An nginx that is stopped, or that systemd did not start, is not reloaded.
requirements:
  - systemd, and the commands C(unshare) and C(mount) of util-linux on the target
"""

EXAMPLES = r"""
- name: Serve the static pages
  nbops.jupyter.nginx_config:
    mark: written by the pages playbook
    files:
      conf.d/pages.conf: |
        # written by the pages playbook
        server {
            listen 8080;
            root /srv/pages;
        }
      conf.d/old-pages.conf: null
"""

RETURN = r"""
changed_files:
  description: Paths of the files that were or would be written or removed.
  returned: success
  type: list
  elements: str
  sample: [conf.d/pages.conf]
reloaded:
  description: Whether a running nginx loaded its configuration anew.
  returned: success
  type: bool
  sample: true
"""

import contextlib
import glob
import grp
import os
import re
import shutil
import stat
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._process import namespaces

# Is there from before the first file is written until nginx has loaded them all.
# A reboot removes it, rightly: nginx then starts with what is on disk.
PENDING = "/run/nginx-config.pending"

# New workers start within milliseconds of a reload, but first nginx reads every certificate of the host.
RELOAD_SECONDS = 30


class ReloadError(Exception):
    """nginx did not take the new configuration; the text says what it had against it."""


class Nginx:
    """The host's nginx, and the service that runs it."""

    def __init__(self, module):
        self.run = module.run_command
        self.executable = module.get_bin_path("nginx", required=not module.check_mode)

    def test(self, replacements):
        """Have nginx judge its configuration with other directories, by path, in the place of some of its own.

        Returns the return code, the whole configuration as nginx read it, and what nginx says about it.
        """
        return self.run(namespaces.command(replacements, [self.executable, "-T", "-q"]))

    def master(self):
        """Process id of the running service; 0 if it is stopped."""
        out = self.run(["systemctl", "show", "--property=MainPID", "--value", "nginx.service"])[1]
        return int(out.strip() or 0)

    def reload(self, error_log):
        """Reload the service if it runs, and return whether it does; ReloadError if it keeps its old configuration."""
        master = self.master()
        if not master:
            return False
        old_workers = children(master)
        log_size = os.path.getsize(error_log) if os.path.exists(error_log) else 0
        rc, out, err = self.run(["systemctl", "reload", "nginx.service"])
        if rc != 0:
            raise ReloadError(out + err)

        deadline = time.monotonic() + RELOAD_SECONDS
        while not children(master) - old_workers:
            # A port that another program holds, for example, is noticed only now.
            complaints = emergencies(error_log, log_size)
            if complaints or time.monotonic() > deadline:
                raise ReloadError(complaints or f"It started no new worker within {RELOAD_SECONDS} seconds.")
            time.sleep(0.02)
        return True


def children(parent):
    """Process ids of all children of a process."""
    found = set()
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                # The second field, the command in parentheses, may itself hold anything.
                fields = stream.read().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if fields[1] == str(parent):
            found.add(path)
    return found


def emergencies(log, position):
    """What nginx gave up on, by its log from a position on."""
    try:
        with open(log, encoding="utf-8", errors="replace") as stream:
            stream.seek(position)
            return "".join(line for line in stream if "[emerg]" in line)
    except FileNotFoundError:
        return ""


def conflicts(messages):
    """Names that two sites claim, of which nginx would silently ignore one."""
    return set(re.findall(r'conflicting server name "[^"]*" on [^\s,]+', messages))


def content(path):
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def safe(path, group=None):
    """Whether root alone can change the file, and only the group with that id read it if one is given."""
    status = os.lstat(path)
    if not os.path.isfile(path) or os.path.islink(path) or status.st_uid != 0 or status.st_mode & 0o022:
        return False
    return group is None or (status.st_gid == group and not status.st_mode & 0o007)


def write(directory, contents, groups):
    """Give every file its content, or remove it where the content is None. `groups` has the ids for private files."""
    paths = {name: os.path.join(directory, name) for name in contents}
    drafts = {}
    for name, data in contents.items():
        if data is not None:
            os.makedirs(os.path.dirname(paths[name]), mode=0o755, exist_ok=True)
            # nginx.conf does not include a draft. All are written before one takes its place: the disk may be full.
            mode = 0o640 if name in groups else 0o644
            drafts[name] = atomic.stage(paths[name], data, mode, groups.get(name, -1))
    for name in contents:
        if name in drafts:
            os.rename(drafts[name], paths[name])
        elif os.path.lexists(paths[name]):
            os.unlink(paths[name])
            if not is_configuration(name):
                # Directories of configuration stay, those of pages go with their last page.
                with contextlib.suppress(OSError):
                    os.removedirs(os.path.dirname(paths[name]))


def is_configuration(name):
    return name.endswith(".conf")


def is_open(log):
    """Whether everybody could read a log file once nginx has opened it."""
    try:
        mode = os.stat(log).st_mode
    except FileNotFoundError:
        return True
    return stat.S_ISREG(mode) and bool(mode & 0o007)


def close(log):
    """Let nobody but its owner and group read a log file, and make it first where it is missing."""
    missing = not os.path.exists(log)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o640)
    try:
        if missing:
            with contextlib.suppress(KeyError):
                os.fchown(descriptor, -1, grp.getgrnam("adm").gr_gid)
        os.fchmod(descriptor, os.fstat(descriptor).st_mode & 0o770)
    finally:
        os.close(descriptor)


def judge(nginx, directory, after):
    """Have nginx test the change; returns what speaks against it, if anything, and the path of nginx's error log."""
    changes = {}
    for name, data in after.items():
        if is_configuration(name):
            changes.setdefault(os.path.join(directory, os.path.dirname(name)), {})[os.path.basename(name)] = data
    with tempfile.TemporaryDirectory() as parent:
        replacements = {}
        for number, (place, contents) in enumerate(changes.items()):
            if not os.path.isdir(place):
                return f"{place} does not exist: this nginx keeps its configuration elsewhere.", None
            replacements[place] = os.path.join(parent, str(number))
            shutil.copytree(place, replacements[place], symlinks=True)
            write(replacements[place], contents, {})
        rc, configuration, messages = nginx.test(replacements)
    if rc != 0:
        return f"nginx refuses the configuration:\n{messages.strip()}", None

    for name, data in after.items():
        if (
            is_configuration(name)
            and data is not None
            and f"# configuration file {directory}/{name}:" not in configuration
        ):
            place = os.path.dirname(f"{directory}/{name}")
            return f"nginx does not read {directory}/{name}: nginx.conf does not include {place}/*.conf.", None

    clashes = conflicts(messages)
    if clashes:
        clashes -= conflicts(nginx.test({})[2])
    if clashes:
        return f"Another site of the host has the same name. nginx says: {'; '.join(sorted(clashes))}", None

    log = re.search(r"^\s*error_log\s+(/[^\s;]+)", configuration, re.MULTILINE)
    return None, log.group(1) if log else "/var/log/nginx/error.log"


def apply(nginx, directory, before, after, groups, error_log):
    """Write the files and have them loaded; returns whether nginx runs. On ReloadError and OSError all is as it was."""
    interrupted = os.path.exists(PENDING)
    with open(PENDING, "w", encoding="ascii"):
        pass
    try:
        write(directory, after, groups)
        running = nginx.reload(error_log)
    except (OSError, ReloadError):
        write(directory, before, groups)
        # What an interrupted run left unloaded is unloaded still.
        if not interrupted:
            os.unlink(PENDING)
        raise
    os.unlink(PENDING)
    return running


def private_groups(module):
    """The names of private files to the id of their group."""
    if not module.params["private_files"]:
        return {}
    try:
        group = grp.getgrnam(module.params["private_group"]).gr_gid
    except KeyError:
        # In check mode the package that brings the group may still be missing.
        if not module.check_mode:
            module.fail_json(msg=f"There is no group {module.params['private_group']} on this host.")
        group = 0
    return dict.fromkeys(module.params["private_files"], group)


def main():
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "default": "/etc/nginx"},
            "files": {"type": "dict", "default": {}},
            "private_files": {"type": "dict", "default": {}, "no_log": True},
            "private_group": {"type": "str", "default": "www-data"},
            "mark": {"type": "str", "required": True},
            "logs": {"type": "list", "elements": "path", "default": []},
            "requires": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    directory = module.params["directory"].rstrip("/")
    mark = module.params["mark"].encode()
    texts = {**module.params["files"], **module.params["private_files"]}
    wanted = {name: None if text is None else text.encode() for name, text in texts.items()}
    groups = private_groups(module)

    before, after = {}, {}
    for name, data in sorted(wanted.items()):
        path = os.path.join(directory, name)
        if os.path.normpath(name) != name or name.startswith(("/", "..")):
            module.fail_json(msg=f"{name!r} is not the path of a file below {directory}.")
        if data is not None and mark not in data:
            module.fail_json(msg=f"The text for {name} lacks the mark '{module.params['mark']}'.")
        present = content(path)
        if present is not None and mark not in present:
            module.fail_json(
                msg=f"{path} is somebody else's: it lacks the text '{module.params['mark']}'. "
                "Rename it, or choose another name. Nothing was changed."
            )
        if present != data or (present is not None and not safe(path, groups.get(name))):
            before[name], after[name] = present, data

    open_logs = [log for log in module.params["logs"] if is_open(log)]
    nginx = Nginx(module)
    unloaded = bool(after) or os.path.exists(PENDING)
    changed = unloaded or bool(open_logs)
    running = bool(unloaded and nginx.executable and nginx.master())
    testable = nginx.executable and not (module.check_mode and not all(map(os.path.exists, module.params["requires"])))
    if unloaded and testable:
        missing_logs = [log for log in module.params["logs"] if not os.path.exists(log)]
        problem, error_log = judge(nginx, directory, after)
        # Even to test its configuration, nginx makes the log files that it names.
        for log in missing_logs:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(log)
        if problem:
            module.fail_json(msg=f"{problem}\nNothing was changed.")
    if not module.check_mode:
        try:
            for log in open_logs:
                close(log)
            if unloaded and testable:
                running = apply(nginx, directory, before, after, groups, error_log)
        except (OSError, ReloadError) as error:
            module.fail_json(msg=f"nginx keeps its old configuration, and the files are as they were: {error}")

    module.exit_json(
        changed=changed,
        changed_files=sorted(after),
        reloaded=running,
        diff=[
            {
                "before_header": os.path.join(directory, name),
                "after_header": os.path.join(directory, name),
                "before": (before[name] or b"").decode(errors="replace"),
                "after": (after[name] or b"").decode(errors="replace"),
            }
            for name in after
            if name not in groups
        ],
    )


if __name__ == "__main__":
    main()
