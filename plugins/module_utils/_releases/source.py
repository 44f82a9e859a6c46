# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packages come from, in the terms of uv and pip, and without showing anybody the credentials."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote

from ansible_collections.nbops.jupyter.plugins.module_utils._releases.tools import CACHE

# The wheelhouse as foreign code sees it, whoever may enter the directories above it.
WHEELHOUSE = "/run/wheelhouse"

_SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_MASK = "********"
_NPM = "npm"
_PROXY_VARIABLES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "http_proxy", "https_proxy")

# Settings of whoever runs the module have no say in what a release holds.
FOREIGN_VARIABLES = ("NODE_", "NPM_", "PIP_", "PYTHON", "UV_", "VIRTUAL_ENV", "npm_")


@dataclass(frozen=True)
class PackageSource:
    """An index or a directory of packages, and the way there; an empty string means the default."""

    index_url: str = ""
    ca_bundle: str = ""
    proxy: str = ""
    wheelhouse: str = ""
    npm_registry: str = ""

    def environment(self) -> dict[str, str]:
        """Environment variables for uv and pip; in contrast to arguments they are not in the process list."""
        environment = {
            "PIP_CERT": self.certificates,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_INPUT": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            "SSL_CERT_FILE": self.certificates,
            "UV_CACHE_DIR": CACHE,
            "UV_NO_CONFIG": "1",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_SYSTEM_CERTS": "1",
        }
        if self.index_url:
            environment.update(PIP_INDEX_URL=self.index_url, UV_DEFAULT_INDEX=self.index_url)
        if self.wheelhouse:
            environment.update(PIP_FIND_LINKS=self.wheelhouse, PIP_NO_INDEX="1", UV_FIND_LINKS=self.wheelhouse)
        return {**environment, **self._proxies}

    def setup_environment(self) -> dict[str, str]:
        """Environment variables for other programs that fetch something: not the index, but the way to a network.

        Node.js brings authorities of its own and does not look at the system's unless it is told to.
        """
        if self.npm_cache:
            return {"npm_config_cache": f"{WHEELHOUSE}/{_NPM}", "npm_config_offline": "true"}
        registry = {"npm_config_registry": self.npm_registry} if self.npm_registry else {}
        authorities = {"NODE_EXTRA_CA_CERTS": self.certificates, "SSL_CERT_FILE": self.certificates}
        return {**authorities, **registry, **self._proxies}

    @property
    def shown(self) -> list[str]:
        """The directories that foreign code has to see, as Sandbox takes them."""
        return [f"{self.wheelhouse}:{WHEELHOUSE}"] if self.wheelhouse else []

    @property
    def npm_cache(self) -> str:
        """The directory with npm's packages, from which npm takes them without a network; empty for none."""
        directory = os.path.join(self.wheelhouse, _NPM)
        return directory if self.wheelhouse and os.path.isdir(directory) else ""

    @property
    def certificates(self) -> str:
        """The file with the authorities that are trusted."""
        return self.ca_bundle or os.environ.get("SSL_CERT_FILE") or _SYSTEM_CERTIFICATES

    @property
    def _proxies(self) -> dict[str, str]:
        return dict.fromkeys(_PROXY_VARIABLES, self.proxy) if self.proxy else {}

    @property
    def uv_options(self) -> list[str]:
        """What uv has to be told and does not read from its environment."""
        return ["--no-index"] if self.wheelhouse else []

    def scrub(self, text: str) -> str:
        """The text without credentials: those of the index and the proxy in any form, and those of every URL."""
        for url in (self.index_url, self.proxy):
            for credentials in _CREDENTIALS.findall(url):
                password = credentials.partition(":")[2]
                for secret in (credentials, unquote(credentials), password, unquote(password)):
                    if secret:
                        text = text.replace(secret, _MASK)
        return _CREDENTIALS.sub(_MASK, text)
