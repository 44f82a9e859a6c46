# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may log in to a hub: what its authenticator needs, and that it lets in only those who are meant.

Rules look at the options that the authenticator has when the hub runs, see `options`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import PERSON
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.authenticators import CLASSES
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import jupyterhub_config
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.jupyterhub_config import (
    CASELESS,
    CERT_REQUIRED,
    class_name,
    class_path,
    kind_of,
)

OAUTH = ("github", "google", "gitlab", "generic_oauth")
CLASS_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+")
# Classes above the one of each kind, from the most general one; below the class itself may stand a Local... one.
ROOT = "Authenticator"
BASES = {"pam": ("LocalAuthenticator",), **dict.fromkeys(OAUTH, ("OAuthenticator",)), "ldap": (), "native": ()}
# The role puts this class between the authenticator's and one of the same name, see files/extensions.
OURS = "ListedAuthenticator"
SINGLE_WORD = re.compile(r"[^\s]+")
SECRET = re.compile(r"(password|passwd|secret|secret_key|api_key)$")

# A rule to write, for each kind.
RULES = {
    "pam": "allowed_groups: [students]",
    "github": "allowed_organizations: [acme]",
    "google": "allowed_google_groups: {example.org: [staff]}",
    "gitlab": "allowed_gitlab_groups: [acme]",
    "generic_oauth": "manage_groups: true, auth_state_groups_key: oauth_user.groups, allowed_groups: [staff]",
    "ldap": "allowed_groups: ['cn=staff,ou=groups,dc=example,dc=org']",
    "native": "allow_all: true (all whom an administrator has authorized)",
}
# Where those who could log in have their accounts.
WHERE = {"pam": "on this host", "ldap": "in the directory", "github": "at GitHub", "google": "at Google"}
# Begin with allow, and let nobody in.
NO_RULES = {
    *("allow_existing_users", "allow_2fa", "allow_self_approval_for", "allow_unverified_email"),
    *("allowed_failed_logins", "allowed_idps"),
}
# Groups that decide who administers the hub, at each login anew.
ADMIN_GROUPS = ("admin_groups", "admin_google_groups", "admin_globus_groups")
# Classes that let everybody in who asks.
WITHOUT_LOGIN = (
    "DummyAuthenticator",
    "SharedPasswordAuthenticator",
    "FirstUseAuthenticator",
    "TmpAuthenticator",
)
# Other names of the same in former versions.
RENAMED = {
    "whitelist": "allowed_users, or jupyterhub_users",
    "blacklist": "blocked_users",
    "group_whitelist": "allowed_groups",
    "github_organization_whitelist": "allowed_organizations",
    "gitlab_group_whitelist": "allowed_gitlab_groups",
    "gitlab_project_id_whitelist": "allowed_project_ids",
    "google_group_whitelist": "allowed_google_groups",
    "team_whitelist": "allowed_teams",
    "idp_whitelist": "allowed_idps",
    "username_key": "username_claim",
    "user_groups_claim": "auth_state_groups_key",
    "claim_groups_key": "auth_state_groups_key",
    "extra_params": "token_params",
    "tls_verify": "validate_server_cert",
    "validate_cert": "validate_server_cert",
    "use_ssl": "tls_strategy",
    "github_client_id": "jupyterhub_oauth_client_id",
    "github_client_secret": "jupyterhub_oauth_client_secret",
}
# Said in a variable, or by the role itself.
OWN = {
    "admin_users": "jupyterhub_users with admin: true",
    "username_map": "jupyterhub_username_map",
    "enable_auth_state": "jupyterhub_auth_state",
    "client_id": "jupyterhub_oauth_client_id",
    "client_secret": "jupyterhub_oauth_client_secret",
    "oauth_callback_url": "jupyterhub_public_url",
    "create_system_users": "jupyterhub_create_accounts",
    "add_user_cmd": "jupyterhub_create_accounts",
    "allow_existing_users": "jupyterhub_users (a record in the hub is no permission)",
    "any_allow_config": "an allow rule, or jupyterhub_users",
}


def problems(settings: dict) -> Iterator[str]:
    """What is wrong about logins: each with the variable, the rule and what to write instead; never a value."""
    authenticator = settings["authenticator"]
    if authenticator not in CLASSES and not CLASS_PATH.fullmatch(authenticator):
        yield (
            f"jupyterhub_authenticator: '{authenticator}' must be one of {', '.join(CLASSES)}, or the path of a class "
            "such as package.module.Class."
        )
        return
    yield from names("jupyterhub_authenticator_options", settings["authenticator_options"])
    yield from _map(settings)
    yield from _contradictions(settings)
    judged = options(settings)
    yield from _allow_rules(settings, judged)
    yield from _groups(settings, judged)
    kind = kind_of(settings)
    if kind in OAUTH or authenticator.startswith("oauthenticator."):
        yield from _oauth(settings, judged, kind)
    elif kind in CLASSES and (settings["oauth_client_id"] or settings["oauth_client_secret"]):
        yield (
            f"jupyterhub_oauth_client_id and jupyterhub_oauth_client_secret mean nothing to {kind}; leave them out, or "
            f"choose one of {', '.join(OAUTH)}."
        )
    if kind == "ldap":
        yield from _ldap(settings, judged)
    if kind == "native":
        yield from _native(settings, judged)


def options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the authenticator has when the hub runs: the sections of its classes, the nearest one last."""
    config = jupyterhub_config.merged(settings)
    sections = [config.get(section) for section in _sections(settings, config)]
    return {name: value for section in sections if isinstance(section, dict) for name, value in section.items()}


def deciding_groups(options: dict) -> list[str]:
    """The options by which each login decides anew who administers the hub."""
    return [name for name in ADMIN_GROUPS if options.get(name)]


def _sections(settings: Mapping[str, Any], config: dict) -> list[str]:
    """The sections of the configuration that traitlets reads for the authenticator, in its order."""
    own, kind = class_name(settings), kind_of(settings)
    if not _is_known(settings):
        return [ROOT, *_possible_bases(config, own), own]
    below = ["LocalAuthenticator", own] if own.startswith("Local") else []
    return [ROOT, *BASES[kind], own.removeprefix("Local"), *below, OURS, own]


def _is_known(settings: Mapping[str, Any]) -> bool:
    """Whether the bases of the authenticator's class are known here."""
    path = CLASSES.get(kind_of(settings), "")
    return bool(path) and class_path(settings).partition(".")[0] == path.partition(".")[0]


def _possible_bases(config: dict, own: str) -> list[str]:
    others = ("JupyterHub", "CryptKeeper", ROOT, own)
    return [name for name in config if name not in others and not name.endswith(("Spawner", "Proxy"))]


def _contradictions(settings: dict) -> Iterator[str]:
    """Of a class whose bases are not known here, two sections may not set an option differently."""
    if _is_known(settings):
        return
    config, own = jupyterhub_config.merged(settings), class_name(settings)
    sections = {name: config[name] for name in _possible_bases(config, own) if isinstance(config[name], dict)}
    decided = config[own] if isinstance(config[own], dict) else {}
    for option in sorted({option for section in sections.values() for option in section} - set(decided)):
        saying = [name for name, section in sections.items() if option in section]
        if any(sections[name][option] != sections[saying[0]][option] for name in saying):
            yield (
                f"jupyterhub_config: {' and '.join(saying)} set {option} differently, and which of them counts for "
                f"{own} is not known here; write it in jupyterhub_authenticator_options."
            )


def names(where: str, options: dict) -> Iterator[str]:
    """Old names, and what is said elsewhere, among an authenticator's options."""
    for name in options:
        if name in RENAMED:
            yield f"{where}: {name} is an old name; write {RENAMED[name]}."
        elif name in OWN:
            yield f"{where}: {name} is not written here; use {OWN[name]}."
        elif isinstance(options[name], str) and SECRET.search(name):
            yield (
                f"{where}: {name} is a secret, which this variable would show in a diff; write it in "
                "jupyterhub_secret_config."
            )


def _map(settings: dict) -> Iterator[str]:
    kind = kind_of(settings)
    if settings["username_map"] and kind in ("pam", "native"):
        yield f"jupyterhub_username_map: {kind} knows people by the names that they have here; leave it out."
    for outside, account in settings["username_map"].items():
        if not outside or (kind in CASELESS and outside != outside.lower()):
            yield (
                f"jupyterhub_username_map: '{outside}' must be in lower case; the hub compares names that way, and "
                "would never find it."
            )
        if not isinstance(account, str) or not PERSON.fullmatch(account) or account == "root":
            yield f"jupyterhub_username_map: {outside}: the name on this host must be an account's, and never root."


def _allow_rules(settings: dict, options: dict) -> Iterator[str]:
    """Somebody may log in, and not everybody."""
    kind = kind_of(settings)
    rules = [
        name
        for name, value in options.items()
        if name.startswith(("allow", "admin")) and name not in NO_RULES and value
    ]
    if not rules and not any(user["state"] == "present" for user in settings["users"]):
        example = RULES.get(kind, "allowed_users: [ada]")
        yield (
            "nobody could log in; list people in jupyterhub_users, or write a rule in "
            f"jupyterhub_authenticator_options, such as {example}."
        )
    if "open_authenticator" in settings["accept_risks"]:
        return
    if kind in WITHOUT_LOGIN:
        yield (
            f"jupyterhub_authenticator: {kind} lets in whoever can reach the hub, under any name; choose another, or "
            "say jupyterhub_accept_risks: [open_authenticator]."
        )
    elif options.get("allow_all") and not _is_bounded(kind, options):
        yield (
            f"jupyterhub_authenticator_options: allow_all lets in everybody with an account {WHERE.get(kind, 'there')}"
            f"; write a rule such as {RULES.get(kind, 'allowed_users: [ada]')}, or say jupyterhub_accept_risks: "
            "[open_authenticator]."
        )
    for name in ("open_signup", "allow_self_approval_for"):
        if kind == "native" and options.get(name):
            yield (
                f"jupyterhub_authenticator_options: {name} lets people in whom no administrator has seen; leave it "
                "out, or say jupyterhub_accept_risks: [open_authenticator]."
            )


def _is_bounded(kind: str, options: dict) -> bool:
    """Whether everybody who can log in there at all belongs to the same house."""
    return kind == "native" or (kind == "google" and bool(options.get("hosted_domain")))


def _groups(settings: dict, options: dict) -> Iterator[str]:
    if options.get("manage_groups") and any(user["groups"] for user in settings["users"]):
        yield (
            "jupyterhub_users: groups are the provider's while jupyterhub_authenticator_options has manage_groups; "
            "leave one of the two out."
        )
    deciding = deciding_groups(options)
    if deciding and any(user["admin"] for user in settings["users"]):
        yield (
            f"jupyterhub_users: {deciding[0]} in jupyterhub_authenticator_options takes admin from everybody outside "
            "of these groups at their next login; leave one of the two out."
        )
    if options.get("manage_roles") and any(role.get("users") or role.get("groups") for role in settings["roles"]):
        yield (
            "jupyterhub_roles: users and groups get their roles from the provider while "
            "jupyterhub_authenticator_options has manage_roles; leave one of the two out."
        )


def _oauth(settings: dict, options: dict, kind: str) -> Iterator[str]:
    missing = [key for key in ("oauth_client_id", "oauth_client_secret", "public_url") if not settings[key]]
    if missing:
        yield (
            f"{settings['authenticator']} needs {', '.join(f'jupyterhub_{key}' for key in missing)}; register the hub "
            "with the provider, with the callback <public_url><base_url>hub/oauth_callback."
        )
    for key in ("oauth_client_id", "oauth_client_secret"):
        if settings[key] and not SINGLE_WORD.fullmatch(settings[key]):
            yield f"jupyterhub_{key} must be one word, without blanks and line ends."
    for name in ("allowed_groups", "admin_groups", "auth_state_groups_key"):
        if options.get(name) and not options.get("manage_groups"):
            yield f"jupyterhub_authenticator_options: {name} needs manage_groups: true beside it."
    if options.get("validate_server_cert") is False and "unverified_provider" not in settings["accept_risks"]:
        yield (
            "jupyterhub_authenticator_options: validate_server_cert: false believes whoever answers in the provider's "
            "place; leave it out, or say jupyterhub_accept_risks: [unverified_provider]."
        )
    if kind == "generic_oauth":
        yield from _provider(settings, options)
    if options.get("allowed_google_groups") or options.get("admin_google_groups"):
        lacking = [name for name in ("google_service_account_keys", "gsuite_administrator") if not options.get(name)]
        if lacking:
            yield f"jupyterhub_authenticator_options: groups of Google need {' and '.join(lacking)} to be read."
    if kind == "google" and not (options.get("hosted_domain") or options.get("username_claim")):
        mapped = set(settings["username_map"].values())
        if not {user["name"] for user in settings["users"] if user["state"] == "present"} <= mapped:
            yield (
                "google calls people by their addresses, which no account of a host can be called; write "
                "hosted_domain: [example.org] in jupyterhub_authenticator_options, which takes the domain away, or "
                "map every user's address in jupyterhub_username_map."
            )


def _provider(settings: dict, options: dict) -> Iterator[str]:
    urls = ["authorize_url", "token_url"] + ["userdata_url"] * (not options.get("userdata_from_id_token"))
    missing = [name for name in urls if not options.get(name)]
    if missing:
        yield (
            f"generic_oauth needs {', '.join(missing)} in jupyterhub_authenticator_options; the provider tells them "
            "below /.well-known/openid-configuration."
        )
    plain = [name for name in urls if options.get(name) and not str(options[name]).startswith("https://")]
    if plain and "plain_http" not in settings["accept_risks"]:
        yield (
            f"jupyterhub_authenticator_options: {', '.join(plain)} must begin with https://, or say "
            "jupyterhub_accept_risks: [plain_http]."
        )


def _ldap(settings: dict, options: dict) -> Iterator[str]:
    if not options.get("server_address"):
        yield "ldap needs server_address in jupyterhub_authenticator_options, such as ldap.example.org."
    if not options.get("bind_dn_template") and not options.get("lookup_dn"):
        yield (
            "ldap needs bind_dn_template in jupyterhub_authenticator_options, such as "
            "['uid={username},ou=people,dc=example,dc=org'], or lookup_dn: true with what that needs."
        )
    tls = options.get("tls_kwargs", {})
    if (
        isinstance(tls, dict)
        and tls.get("validate") != CERT_REQUIRED
        and "unverified_provider" not in settings["accept_risks"]
    ):
        yield (
            "jupyterhub_authenticator_options: tls_kwargs.validate gives passwords to whoever answers in the "
            "directory's place; leave it out, name its authority in ca_certs_file, or say jupyterhub_accept_risks: "
            "[unverified_provider]."
        )
    if options.get("tls_strategy") == "insecure" and "plain_ldap" not in settings["accept_risks"]:
        yield (
            "jupyterhub_authenticator_options: tls_strategy: insecure sends passwords readable through the network; "
            "write before_bind or on_connect, or say jupyterhub_accept_risks: [plain_ldap]."
        )


def _native(settings: dict, options: dict) -> Iterator[str]:
    if options.get("open_signup") or options.get("allow_self_approval_for"):
        return
    first = (user for user in settings["users"] if user["state"] == "present" and user["admin"])
    if not any(user["password_hash"].startswith("$2b$") for user in first):
        yield (
            "native: nobody could authorize those who sign up; list an administrator in jupyterhub_users, with admin: "
            "true and a password_hash that begins with $2b$ (mkpasswd --method=bcrypt)."
        )
