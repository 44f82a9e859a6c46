# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Program that checks Jupyter configurations inside the environment that will read them.

Jupyter only logs a warning for an option that it does not know, so a misspelt safety setting would be lost silently.
This program runs under the interpreter of the release (not under Ansible's) and knows every class that is configurable
there. It reads a JSON list of configurations from standard input and writes a JSON list of messages, one list each.
Messages name class, option and expected type, never a value.
"""

from __future__ import annotations

import contextlib
import difflib
import glob
import importlib
import json
import os
import sys


def load_classes(modules):
    """Import the applications and the enabled server extensions; return every configurable class by name."""
    from traitlets.config import Configurable

    for module in modules:
        importlib.import_module(module)
    for path in glob.glob(os.path.join(sys.prefix, "etc/jupyter/jupyter_server_config.d/*.json")):
        with open(path, encoding="utf-8") as stream:
            enabled = json.load(stream).get("ServerApp", {}).get("jpserver_extensions", {})
        for name in enabled:
            # An extension that cannot be imported is the server's to report; its options stay unknown here.
            with contextlib.suppress(Exception):
                package = importlib.import_module(name)
                package._jupyter_server_extension_points()

    classes, queue = {}, [Configurable]
    while queue:
        cls = queue.pop()
        classes[cls.__name__] = cls
        queue.extend(cls.__subclasses__())
    return classes


def suggestion(name, known):
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def check(config, classes):
    """Messages about one configuration (a mapping of class names to mappings of options); empty when it is right."""
    from traitlets import HasTraits, TraitError

    problems = []
    for class_name, options in sorted(config.items()):
        if class_name not in classes:
            problems.append(f"{class_name} is not a configurable class here{suggestion(class_name, classes)}")
            continue
        if not isinstance(options, dict):
            problems.append(f"{class_name} must be a mapping of options")
            continue
        traits = classes[class_name].class_traits(config=True)
        for option, value in sorted(options.items()):
            if option not in traits:
                problems.append(f"{class_name}.{option} is not an option here{suggestion(option, traits)}")
                continue
            trait = traits[option]
            if value is None and trait.allow_none:
                continue
            # A validator that needs the running application fails in other ways; it will speak for itself at the start.
            with contextlib.suppress(Exception):
                try:
                    trait.validate(HasTraits(), value)
                except TraitError:
                    problems.append(f"{class_name}.{option} expects {trait.info()}, not {type(value).__name__}")
    return problems


def main():
    request = json.load(sys.stdin)
    # Jupyter's own imports may print; the answer must stay alone on standard output.
    with contextlib.redirect_stdout(sys.stderr):
        classes = load_classes(request["modules"])
        answer = [check(config, classes) for config in request["configs"]]
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
