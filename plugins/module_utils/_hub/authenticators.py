# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authenticators that have a short name."""

from __future__ import annotations

CLASSES = {
    "pam": "jupyterhub.auth.PAMAuthenticator",
    "github": "oauthenticator.github.GitHubOAuthenticator",
    "google": "oauthenticator.google.GoogleOAuthenticator",
    "gitlab": "oauthenticator.gitlab.GitLabOAuthenticator",
    "generic_oauth": "oauthenticator.generic.GenericOAuthenticator",
    "ldap": "ldapauthenticator.ldapauthenticator.LDAPAuthenticator",
    "native": "nativeauthenticator.nativeauthenticator.NativeAuthenticator",
}
# The same by the name of the class, because one class has several paths.
KINDS = {path.rpartition(".")[2]: kind for kind, path in CLASSES.items()}
