"""Configuration of a server: what config.json says, then the administrator's own Python."""

import json
import os
import pathlib
import sys
import traceback

import nbops_python_config

c = get_config()  # noqa: F821  # pylint: disable=undefined-variable  # Jupyter defines it for this file
credentials = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"])
try:
    nbops_python_config.fill(c, json.loads((credentials / "config.json").read_text()))
    for path, text in nbops_python_config.drop_ins(credentials):
        nbops_python_config.run(c, path, text)
except Exception:
    # Jupyter would only log it, and serve without a configuration.
    traceback.print_exc()
    sys.exit(1)
