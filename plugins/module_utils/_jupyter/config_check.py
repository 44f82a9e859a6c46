# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Program that checks Jupyter configurations inside the environment that will read them.

Jupyter only logs a warning for an option that it does not know, so a misspelt safety setting would be lost silently.
This program runs under the interpreter of the release (not under Ansible's) and knows every class that is configurable
there. It reads a JSON list of configurations from standard input and writes a JSON list of messages, one list each.
Messages name class, option and expected type, never a value; of an exception in a drop-in they repeat the text.

A configuration is {"config": class names to options to values, "drop_ins": pairs of path and text of Python that runs
afterwards, "guarded": class names to patterns of options that this Python must not change to what to do instead,
"unless": what to say where it may}.
"""

from __future__ import annotations

import contextlib
import copy
import difflib
import glob
import importlib
import json
import os
import re
import sys
import traceback
import types

MISSING = object()


def import_applications(modules):
    """Import the applications and the enabled server extensions, so that their classes are known."""
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


def known_classes():
    """Every configurable class by name."""
    from traitlets.config import Configurable

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
    from traitlets.config.loader import LazyConfigValue

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
            if isinstance(value, LazyConfigValue):
                # Python said what to add to the default.
                value = value.get_value(trait.default())
            # A validator that needs the running application fails in other ways; it will speak for itself at the start.
            with contextlib.suppress(Exception):
                try:
                    trait.validate(HasTraits(), value)
                except TraitError:
                    problems.append(f"{class_name}.{option} expects {trait.info()}, not {type(value).__name__}")
    return problems


def judge(entry, loader):
    """Messages about a configuration and the Python that changes it; empty when both are right."""
    problems = check(entry["config"], known_classes())
    if problems or not entry.get("drop_ins"):
        return problems
    from traitlets.config import Config

    config, overrides = Config(), {}
    loader.fill(config, copy.deepcopy(entry["config"]))
    for path, text in entry["drop_ins"]:
        try:
            loader.run(config, path, text)
        except (Exception, SystemExit) as error:
            said = ": ".join(filter(None, (type(error).__name__, text_of(error))))
            return [f"{path}{line_of(error, path)}: {said}"]
        # It may have brought classes of its own.
        classes = known_classes()
        for option in changed(entry["config"], config):
            advice = advice_on(option, entry.get("guarded", {}), classes)
            if advice and option not in overrides:
                said = f"{'.'.join(option)} is not changed by Python here; {advice}, or say {entry['unless']}"
                overrides[option] = f"{path}: {said}"
    return [*overrides.values(), *check(config, known_classes())]


def changed(before, after):
    """Class and option of each value that differs."""
    for class_name in sorted(before.keys() | after.keys()):
        then, now = before.get(class_name, {}), after.get(class_name, {})
        for option in sorted(then.keys() | now.keys()):
            if is_other(then.get(option, MISSING), now.get(option, MISSING)):
                yield class_name, option


def is_other(then, now):
    from traitlets.config.loader import LazyConfigValue

    # Whoever reads an option that is not set leaves an empty one.
    is_read = then is MISSING and isinstance(now, LazyConfigValue) and not now.to_dict()
    return not is_read and now != then


def advice_on(option, guarded, classes):
    """What to do instead of changing a guarded option; empty for one that is free.

    An option of a class is one of those above and below it too.
    """
    class_name, name = option
    for other, advice in guarded.items():
        if class_name in classes and other in classes:
            one, two = classes[class_name], classes[other]
            for pattern, text in advice.items():
                if (issubclass(one, two) or issubclass(two, one)) and re.fullmatch(pattern, name):
                    return text
    return ""


def line_of(error, path):
    """Where in a file an exception arose, as a part of a sentence."""
    if isinstance(error, SyntaxError) and error.filename == path:
        lines = [error.lineno]
    else:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f", line {lines[-1]}" if lines else ""


def text_of(error):
    # Its text would name file and line once more.
    return error.msg if isinstance(error, SyntaxError) else str(error)


def main():
    request = json.load(sys.stdin)
    loader = types.ModuleType("loader")
    exec(request["loader"], loader.__dict__)
    # Jupyter's own imports may print; the answer must stay alone on standard output.
    with contextlib.redirect_stdout(sys.stderr):
        import_applications(request["modules"])
        answer = [judge(entry, loader) for entry in request["configs"]]
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
