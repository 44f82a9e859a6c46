"""What becomes of a hub's settings. What is refused stands in tests/negative, with its messages."""

from __future__ import annotations

import ipaddress
import json
import pathlib
from typing import Any

import pytest
from ansible.utils.vars import merge_hash
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    heads,
    jupyterhub_config,
    jupyterhub_login,
    jupyterhub_profiles,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import settings_of
from models import GOLDEN, plan, problems, require_golden, require_words, secrets

CONFIG = "/etc/jupyterhub/config.json"
ADA = {"name": "ada"}
FIRST = {"name": "ada", "admin": True, "password_hash": "$2b$05$" + "a" * 53}
CLIENT = {"oauth_client_id": "hub", "oauth_client_secret": "hunter2", "public_url": "https://hub.example.org"}
OIDC = {
    "authorize_url": "https://id.example.org/a",
    "token_url": "https://id.example.org/t",
    "userdata_from_id_token": True,
}
LDAP = {"server_address": "ldap.example.org", "lookup_dn": True}
MAXIMAL = {
    "name": "jupyterhub-physics",
    "packages": ["jupyterhub-ldapauthenticator"],
    "user_packages": ["pandas>=2"],
    "listen": "[::]:443",
    "proxy_api_port": 8011,
    "hub_port": "8091",
    "traefik": "/usr/local/bin/traefik",
    "base_url": "/physics/",
    "public_url": "https://hub.example.org:8443",
    "subdomains": True,
    "certificate": "hub.example.org",
    "authenticator": "generic_oauth",
    "authenticator_options": {**OIDC, "manage_groups": True, "admin_groups": ["staff"], "scope": ["openid"]},
    "oauth_client_id": "hub",
    "oauth_client_secret": "hunter2",
    "username_map": {"octocat": "ada"},
    "auth_state": True,
    "users": [{"name": "ada", "unix_groups": ["gpu"]}, {"name": "eve", "state": "absent", "home": "archive"}],
    "create_accounts": True,
    "sandbox": "no_internet",
    "limits": {"memory_max": "2G", "cpu_quota": "150%", "tasks_max": 500},
    "group_limits": {"staff": {"memory_max": "8G"}},
    "user_limits": {"ada": {"tasks_max": "1000"}},
    "profiles": [
        {"name": "small", "title": "One processor", "limits": {"memory_max": "1G"}, "default": True},
        {
            "name": "large",
            "description": "For <models>",
            "groups": ["staff"],
            "limits": {"memory_max": "16G", "cpu_quota": "800%"},
            "sandbox": "air_gapped",
            "default_url": "/tree",
            "environment": {"OMP_NUM_THREADS": "8"},
        },
    ],
    "named_servers": 3,
    "default_url": "/tree",
    "root_dir": "work/notebooks",
    "shared_folders": [
        {"path": "/srv/shared/course", "writers": ["teachers", "gpu"], "readers": ["jupyterhub-physics"]},
        {"path": "/data/old", "state": "absent"},
    ],
    "environment": {"OMP_NUM_THREADS": "2", "LANG": "de_DE.UTF-8"},
    "cull_idle_seconds": 3600,
    "upload_limit_mb": 64,
    "services": [
        {"name": "grader", "url": "http://127.0.0.1:9000"},
        {"name": "started", "command": ["/opt/started/bin/run"], "user": "started"},
    ],
    "roles": [{"name": "grader", "scopes": ["list:users"], "services": ["grader"]}],
    "announcement": "Closed on <b>Friday</b>",
    "closed": "Back at 8 & not before",
    "database": "postgresql",
    "config": {
        "JupyterHub": {"log_level": 10, "template_vars": {"a": 1}},
        "GenericOAuthenticator": {"login_service": "Keycloak"},
    },
    "secret_config": {"JupyterHub": {"oauth_token_expires_in": "hunter2"}},
    "user_config": {"ServerApp": {"allow_origin": "https://a.org", "terminado_settings": {"x": 1}}},
    "python_config": [str(GOLDEN.parent / "models.py")],
    "legacy_setup": {"units": ["jupyterhub.service"]},
}
RIGHT = {
    "users": [ADA],
    "base_url": "/hub/",
    "public_url": "https://hub.example.org",
    "certificate": "hub.example.org",
    "default_url": "/lab",
    "root_dir": "work",
    "traefik": "/usr/bin/traefik",
    "database": "sqlite",
}
ACCEPTED = [
    {"listen": "127.0.0.1:1", "proxy_api_port": 65535, "hub_port": 2},
    {"listen": "[::1]:8010", "base_url": "/physics/", "name": "jupyterhub-" + "p" * 16},
    {"listen": "localhost:8010"},
    {"profiles": [{"name": "large", "environment": {"THREADS": "8"}}], "spawner": "local"},
    {"profiles": [{"name": "exam", "sandbox": "no_internet"}], "sandbox": "gpu"},
    {"profiles": [{"name": "exam", "sandbox": "air_gapped"}], "sandbox": "no_internet"},
    {"spawner": "slurm", "slurm_partition": "main", "limits": {"cpu_quota": "1000%", "memory_max": "1G"}},
    {"spawner": "slurm", "slurm_partition": "main", "slurm_listen": "[fd00::10]:8082", "slurm_ports": "2000-2000"},
    {"spawner": "slurm", "profiles": [{"name": "gpu", "partition": "gpu_1", "time": "1-12", "gres": "gpu:a100:1"}]},
    {"listen": "0.0.0.0:443", "certificate": "hub.example.org", "public_url": "https://hub.example.org"},
    {"subdomains": True, "public_url": "https://hub.example.org:8443"},
    {"listen": "0.0.0.0:80", "public_url": "http://192.0.2.10", "accept_risks": ["plain_http"]},
    {
        "users": [
            {"name": "ada", "admin": True, "groups": ["/acme/staff", "first years"], "unix_groups": ["gpu"]},
            {"name": "b.c_d-e", "password_hash": "$6$rounds=5000$salt$" + "a" * 86},
            {"name": "bob", "password_hash": "$y$j9T$salt$" + "a" * 43},
            {"name": "eve", "state": "absent", "home": "archive"},
        ]
    },
    # As a directory calls accounts.
    {
        "users": [
            {"name": "ada@example.org", "admin": True},
            {"name": "20231234"},
            {"name": "example\\eve", "state": "absent"},
        ],
        "user_limits": {"ada@example.org": {"tasks_max": 100}},
    },
    {**CLIENT, "authenticator": "github", "username_map": {"octo": "ada@example.org"}},
    {"user_config": {"ServerProxy": {"servers": {"shiny": {"command": ["R"]}}}}},
    {"limits": {"memory_max": "128M", "cpu_quota": "1%", "tasks_max": 32}},
    {"user_limits": {"ada": {"memory_max": str(128 * 2**20)}}},
    {"cull_idle_seconds": "60", "upload_limit_mb": 1, "named_servers": 0},
    {"environment": {"API_TOKEN": "a text", "EMPTY": ""}},
    {"users": [], "authenticator_options": {"allowed_groups": ["staff"]}},
    {
        "shared_folders": [
            {"path": "/srv/physics/Data-1", "writers": ["teachers"], "readers": ["students@example.org"]},
            {"path": "/srv/physics/Data-10", "readers": ["students"]},
            {"path": "/data", "writers": ["teachers"]},
        ]
    },
    {"users": [], "config": {"Authenticator": {"allowed_users": ["ada"]}}},
    {"users": [], "authenticator": "package.module.Class", "authenticator_options": {"allowed_teams": ["a"]}},
    {"authenticator_options": {"allow_all": True}, "accept_risks": ["open_authenticator"]},
    {**CLIENT, "authenticator": "github", "username_map": {"octocat": "ada"}},
    {**CLIENT, "authenticator": "google", "username_map": {"ada@example.org": "ada"}},
    {
        **CLIENT,
        "users": [],
        "authenticator": "oauthenticator.google.LocalGoogleOAuthenticator",
        "authenticator_options": {"hosted_domain": ["example.org"], "allow_all": True},
    },
    {
        **CLIENT,
        "authenticator": "generic_oauth",
        "authenticator_options": {**OIDC, "manage_groups": True, "auth_state_groups_key": "groups"},
    },
    {
        "authenticator": "ldap",
        "authenticator_options": {**LDAP, "tls_kwargs": {"ca_certs_file": "/etc/ssl/ca.pem"}},
        "secret_config": {"LDAPAuthenticator": {"lookup_dn_search_password": "hunter2"}},
    },
    {"users": [FIRST], "authenticator": "native", "authenticator_options": {"allow_all": True}},
    {
        "authenticator": "native",
        "authenticator_options": {"open_signup": True},
        "accept_risks": ["open_authenticator"],
    },
    {"spawner": "local", "named_servers": "3", "default_url": "/tree", "user_packages": ["pandas>=2"]},
    {
        "services": [
            {"name": "grader", "url": "http://127.0.0.1:9000", "command": ["/a/b", "c"], "user": "grader"},
            {"name": "outside", "oauth_client_id": "service-outside", "oauth_redirect_uri": "https://a.org/callback"},
        ],
        "roles": [{"name": "grader", "scopes": ["list:users"], "services": ["grader"], "users": ["ada"]}],
        "database": "postgresql+psycopg://hub:hunter2@db.example.org/hub",
        "config": {"JupyterHub": {"log_level": 10, "template_vars": {"a": 1}, "tornado_settings": {"headers": {}}}},
        "user_config": {
            "ServerApp": {"allow_origin": "https://a.org"},
            "MappingKernelManager": {"cull_idle_timeout": 5},
        },
    },
    {"config": {"JupyterHub": {"authenticate_prometheus": False}}, "accept_risks": ["public_metrics"]},
    # Beyond its name, nothing of a hub that is to go is judged.
    {"name": "jupyterhub-old", "state": "absent", "users": [], "listen": "nowhere"},
]
REFUSED = [
    {"name": "jupyterhub-" + "p" * 17},
    {"listen": "127.0.0.1:0"},
    {"listen": "127.0.0.1"},
    {"listen": "127.example.org:8000"},
    {"listen": "[::]:8000"},
    {"listen": "unix", "traefik": "/usr/local/bin/traefik"},
    {"listen": "unix", "certificate": "hub.example.org"},
    {"socket_group": "%n"},
    {"proxy_api_port": 0},
    {"hub_port": 65536},
    {"limits": {"memory_max": "127M"}},
    {"limits": {"cpu_quota": "0%"}},
    {"user_limits": {"ada": {"memory_max": str(128 * 2**20 - 1)}}},
    {"user_limits": {"ada": {"tasks_max": 0}}},
    {"user_limits": {"ada": {"tasks_max": 31}}},
    {"profiles": [{"name": "Large"}]},
    {"profiles": [{"name": "large"}, {"name": "large"}]},
    {"profiles": [{"name": "large", "title": "a\nb"}]},
    {"profiles": [{"name": "large", "groups": ["staff"]}]},
    {"profiles": [{"name": "large", "groups": ["a,b"]}, {"name": "small"}]},
    {"profiles": [{"name": "large", "default": True}, {"name": "small", "default": True}]},
    {"profiles": [{"name": "large", "limits": {"memory_max": "1M"}}]},
    {"profiles": [{"name": "large", "limits": {"memory_max": "1G"}}], "spawner": "local"},
    {"profiles": [{"name": "large", "default_url": "lab"}]},
    {"profiles": [{"name": "exam", "sandbox": "gpu"}]},
    {"profiles": [{"name": "exam", "sandbox": "no_internet"}], "spawner": "local"},
    {"profiles": [{"name": "exam", "sandbox": "air_gapped"}], "spawner": "slurm", "slurm_partition": "main"},
    {"profiles": [{"name": "exam", "sandbox": "no_internet"}], "sandbox": "no_loopback"},
    {"profiles": [{"name": "exam", "sandbox": "no_loopback"}], "sandbox": "no_internet"},
    {"spawner": "slurm"},
    {"spawner": "slurm", "profiles": [{"name": "gpu", "partition": "gpu"}, {"name": "small"}]},
    {"spawner": "slurm", "slurm_partition": "main --uid=0"},
    {"spawner": "slurm", "slurm_partition": "-main"},
    {"spawner": "slurm", "slurm_partition": "main", "slurm_time": "UNLIMITED"},
    {"spawner": "slurm", "slurm_partition": "main", "user_limits": {"ada": {"cpu_quota": "150%"}}},
    {"spawner": "slurm", "slurm_partition": "main", "profiles": [{"name": "a", "limits": {"tasks_max": 500}}]},
    {"spawner": "slurm", "slurm_partition": "main", "profiles": [{"name": "a", "gres": "gpu:1 --uid=0"}]},
    {"spawner": "slurm", "slurm_partition": "main", "sandbox": "gpu"},
    {"slurm_partition": "main"},
    {"slurm_listen": "10.0.0.10:8082"},
    *(
        {"spawner": "slurm", "slurm_partition": "main", "slurm_listen": listen}
        for listen in ("10.0.0.10", "127.0.0.1:8082", "0.0.0.0:8082", "hub.example.org:8082", "10.0.0.10:8081")
    ),
    *(
        {"spawner": "slurm", "slurm_partition": "main", "slurm_ports": ports}
        for ports in ("20000", "1000-2000", "2000-1999", "20000-70000", "2000-3000 --uid=0")
    ),
    {"profiles": [{"name": "large", "time": "8:00:00"}]},
    {"profiles": [{"name": "large", "environment": {"HOME": "/"}}]},
    {"cull_idle_seconds": 59},
    {"cull_idle_seconds": -1},
    {"named_servers": -1},
    {"upload_limit_mb": 0},
    {"users": [{"name": "a" * 256}]},
    {"users": [{"name": "Ada@example.org"}]},
    {"username_map": {"octo": "Ada"}, "authenticator": "github", **CLIENT},
    {"user_config": {"ConfigurableHTTPProxy": {"x": 1}}},
    {"config": {"ServerProxy": {"servers": {}}}},
    {"users": [{"name": "bob.service"}]},
    {"packages": ["git+https://example.org/six"]},
    {"user_lock": "/etc"},
    {"templates": "/nonexistent"},
    {"user_config": {"NotebookApp": {}}},
    {"authenticator": "acme.Login", "config": {"Login": {"allow_existing_users": True}}},
    {
        "authenticator": "ldapauthenticator.LocalLDAPAuthenticator",
        "authenticator_options": {**LDAP, "tls_kwargs": {"validate": 0}},
    },
]
# Options of a hub with GitHub whose rule and list are right, and whether it is open to everybody.
OPEN_TO_ALL = [
    ({"authenticator_options": {"allow_all": True}}, True),
    ({"config": {"GitHubOAuthenticator": {"allow_all": True}}, "authenticator_options": {"allow_all": False}}, True),
    (
        {
            "config": {"GitHubOAuthenticator": {"allow_all": False}},
            "secret_config": {"GitHubOAuthenticator": {"allow_all": True}},
        },
        True,
    ),
    ({"config": {"Authenticator": {"allow_all": True}}}, True),
    ({"config": {"OAuthenticator": {"allow_all": True}, "Authenticator": {"allow_all": False}}}, True),
    ({"config": {"Authenticator": {"allow_all": True}, "OAuthenticator": {"allow_all": False}}}, False),
    ({"config": {"OAuthenticator": {"allow_all": True}}, "authenticator_options": {"allow_all": False}}, False),
    ({"config": {"ListedAuthenticator": {"allow_all": True}, "OAuthenticator": {"allow_all": False}}}, True),
    (
        {
            "config": {"GitHubOAuthenticator": {"allow_all": True}, "Authenticator": {"allow_all": False}},
            "authenticator_options": {"allow_all": False},
        },
        True,
    ),
    # Sections of classes that are none of GitHub's.
    ({"config": {"LocalGitHubOAuthenticator": {"allow_all": True}}}, False),
    ({"config": {"GoogleOAuthenticator": {"allow_all": True}}}, False),
    ({"config": {"LocalAuthenticator": {"allow_all": True}}}, False),
]


def hub(**settings: Any) -> dict[str, Any]:
    return {f"jupyterhub_{name}": value for name, value in {"users": [ADA], **settings}.items()}


def config_of(made: dict[str, Any]) -> dict[str, Any]:
    return made["files"][0]["config"]


def test_the_plan_of_a_hub_with_one_user() -> None:
    require_golden("jupyterhub-minimal", plan("jupyterhub", hub()))


def test_the_plan_of_a_hub_that_says_everything() -> None:
    require_golden("jupyterhub-maximal", plan("jupyterhub", hub(**MAXIMAL)))


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("jupyterhub", hub(**MAXIMAL))


def test_what_a_profile_closes_is_written_as_systemd_run_takes_it() -> None:
    """Each value by itself: no word for addresses stands among others."""
    names = ("no_internet", "no_loopback", "air_gapped")
    closed = jupyterhub_profiles.options({"profiles": [{"sandbox": name, "environment": {}} for name in names]})
    assert len(closed) == len(names)
    for one in closed:
        assert one["closing"]
        for key in ("IPAddressDeny", "IPAddressAllow"):
            words = one["closing"].get(key, "any").split()
            # Raises ValueError for another word.
            assert words == ["any"] or [ipaddress.ip_network(word) for word in words]


def test_a_folder_is_shown_to_servers_until_it_is_to_go() -> None:
    folders = [{"path": "/srv/a", "writers": ["teachers"]}, {"path": "/srv/b", "state": "absent"}]
    made = plan("jupyterhub", hub(shared_folders=folders))
    assert config_of(made)["BoundedSystemdSpawner"]["shared_folders"] == ["/srv/a"]
    assert made["files"][1]["config"]["SharedFolders"] == {"shown": ["/srv/a"], "hidden": ["/srv/b"]}


def test_the_groups_of_folders_are_made_where_people_bring_them() -> None:
    users = [{"name": "ada", "unix_groups": ["teachers", "gpu"]}, {"name": "eve", "state": "absent"}]
    made = plan("jupyterhub", hub(users=users, shared_folders=[{"path": "/srv/a", "writers": ["teachers"]}]))
    assert made["shared_folders"]["groups"] == ["gpu", "teachers"]
    assert made["shared_folders"]["system_groups"] == ["jupyterhub"]


def test_the_plan_of_a_hub_with_local_servers() -> None:
    units = plan("jupyterhub", hub(spawner="local"))["units"]
    require_golden("jupyterhub-local", next(unit for unit in units if unit["name"] == "jupyterhub.service"))


def test_the_plan_of_a_hub_that_is_to_go() -> None:
    require_golden("jupyterhub-absent", plan("jupyterhub", hub(state="absent", spawner="local", users=[])))


def test_a_plan_holds_no_secret() -> None:
    password = "$6$salt$" + "a" * 86
    settings = {**MAXIMAL, "database": "postgresql://hub:hunter2@db.example.org/hub"}
    made = plan("jupyterhub", hub(**{**settings, "users": [{"name": "ada", "password_hash": password}]}))
    assert [word for word in ("hunter2", password) if word in json.dumps(made)] == []


@pytest.mark.parametrize("settings", ACCEPTED)
def test_what_is_right_passes(settings: dict[str, Any]) -> None:
    assert problems("jupyterhub", hub(**settings)) == []


@pytest.mark.parametrize("settings", REFUSED)
def test_what_is_wrong_is_told_once(settings: dict[str, Any]) -> None:
    assert len(problems("jupyterhub", hub(**settings))) == 1


@pytest.mark.parametrize("key", sorted({*RIGHT} - {"users"}))
def test_nothing_hides_behind_a_line_end(key: str) -> None:
    assert problems("jupyterhub", hub(**RIGHT)) == []
    assert problems("jupyterhub", hub(**{**RIGHT, key: f"{RIGHT[key]}\n"}))


@pytest.mark.parametrize(
    "settings",
    [
        {"users": [{"name": "ada", "password_hash": "hunter2"}]},
        {"oauth_client_id": "hub", "oauth_client_secret": "hunter2"},
        {"database": "mysql://hub:hunter2@db.example.org/hub"},
        {"authenticator_options": {"lookup_dn_search_password": "hunter2"}},
        {"config": {"LDAPAuthenticator": {"lookup_dn_search_password": "hunter2"}}},
        {"secret_config": {"JupyterHub": {"cookie_secret": "hunter2"}}},
        {"services": [{"name": "grader", "api_token": "hunter2"}]},
        {"environment": {"TOKEN": "hunter2\n"}},
        {"authenticator": "a.Login", "secret_config": {"A": {"key": "hunter2"}, "B": {"key": "other"}}},
    ],
)
def test_a_secret_is_never_repeated(settings: dict[str, Any]) -> None:
    told = problems("jupyterhub", hub(**settings))
    assert told
    assert "hunter2" not in "".join(told)


@pytest.mark.parametrize(("settings", "is_open"), OPEN_TO_ALL)
def test_the_options_are_judged_that_the_hub_runs(settings: dict[str, Any], is_open: bool) -> None:
    told = problems("jupyterhub", hub(**CLIENT, authenticator="github", **settings))
    assert any("allow_all lets in everybody" in text for text in told) == is_open
    assert is_open or told == []


@pytest.mark.parametrize("section", ["Configurable", "LoggingConfigurable", "Application", "AccountMixin"])
@pytest.mark.parametrize("variable", ["config", "secret_config"])
def test_no_option_is_one_of_many_classes(variable: str, section: str) -> None:
    """traitlets gives it to the authenticator, to the spawner and to the hub."""
    told = problems("jupyterhub", hub(**{variable: {section: {"allow_all": True}}}))
    assert told == [
        f"jupyterhub: jupyterhub_{variable}.{section} is many classes at once; write the option under the one that is "
        "meant."
    ]


@pytest.mark.parametrize(
    ("authenticator", "spelling", "is_right"),
    [
        ("github", "Octo", False),
        ("generic_oauth", "Octo", True),
        ("github", "octo", True),
        ("generic_oauth", "", False),
    ],
)
def test_names_are_mapped_as_the_provider_writes_them(authenticator: str, spelling: str, is_right: bool) -> None:
    """Unless it takes capital and small letters for the same."""
    options = OIDC if authenticator == "generic_oauth" else {}
    settings = {"authenticator": authenticator, "authenticator_options": options, "username_map": {spelling: "ada"}}
    assert (problems("jupyterhub", hub(**CLIENT, **settings)) == []) == is_right


@pytest.mark.parametrize("authenticator", ["pam", "github", "acme.Login"])
@pytest.mark.parametrize("spawner", ["BoundedSystemdSpawner", "SurvivingLocalSpawner"])
def test_servers_are_for_accounts_that_are_listed_or_let_in(authenticator: str, spawner: str) -> None:
    """With every authenticator the spawner knows who is listed, and the groups whose members may become root."""
    kind = "local" if spawner == "SurvivingLocalSpawner" else "systemd"
    client = {} if authenticator == "pam" else CLIENT
    made = config_of(plan("jupyterhub", hub(**client, authenticator=authenticator, spawner=kind)))[spawner]
    assert made["account_group"] == "jupyterhub"
    assert {"sudo", "docker", "libvirt", "incus", "staff"} < set(made["privileged_groups"])
    assert made["privileged_people"] is False


def test_people_who_may_become_root_have_servers_where_that_is_said() -> None:
    made = plan("jupyterhub", hub(accept_risks=["privileged_groups"]))
    assert config_of(made)["BoundedSystemdSpawner"]["privileged_people"] is True
    assert made["users"]["privileged_groups"] is True


@pytest.mark.parametrize(
    ("authenticator", "sections"),
    [
        ("pam", ["Authenticator", "LocalAuthenticator", "ListedAuthenticator", "PAMAuthenticator"]),
        ("gitlab", ["Authenticator", "OAuthenticator", "ListedAuthenticator", "GitLabOAuthenticator"]),
        ("ldap", ["Authenticator", "ListedAuthenticator", "LDAPAuthenticator"]),
        ("nativeauthenticator.NativeAuthenticator", ["Authenticator", "ListedAuthenticator", "NativeAuthenticator"]),
        (
            "oauthenticator.github.LocalGitHubOAuthenticator",
            [
                *("Authenticator", "OAuthenticator", "GitHubOAuthenticator", "LocalAuthenticator"),
                *("ListedAuthenticator", "LocalGitHubOAuthenticator"),
            ],
        ),
        ("acme.GitHubOAuthenticator", ["Authenticator", "OAuthenticator", "GitHubOAuthenticator"]),
        ("acme.Login", ["Authenticator", "Base", "Login"]),
    ],
)
def test_the_section_of_the_nearest_class_counts(authenticator: str, sections: list[str]) -> None:
    """The order in which traitlets reads them."""
    for number, section in enumerate(sections):
        config = {name: {"mark": name} for name in reversed(sections[: number + 1])}
        settings = settings_of("jupyterhub", hub(authenticator=authenticator, config=config))
        assert jupyterhub_login.options(settings)["mark"] == section


@pytest.mark.parametrize(
    ("options", "managed"),
    [
        ({}, (True, True)),
        ({"config": {"OAuthenticator": {"manage_groups": True}}}, (False, True)),
        (
            {"config": {"Authenticator": {"manage_groups": True}, "OAuthenticator": {"manage_groups": False}}},
            (True, True),
        ),
        ({"authenticator_options": {"manage_groups": True, "admin_groups": ["staff"]}}, (False, False)),
        ({"authenticator_options": {"admin_groups": []}}, (True, True)),
    ],
)
def test_what_each_login_sets_is_left_to_it(options: dict[str, Any], managed: tuple[bool, bool]) -> None:
    users = plan("jupyterhub", hub(**CLIENT, authenticator="gitlab", **options))["users"]
    assert (users["manage_groups"], users["manage_admins"]) == managed


@pytest.mark.parametrize(
    ("database", "url"),
    [
        ("sqlite", "sqlite:////var/lib/jupyterhub/jupyterhub.sqlite"),
        ("postgresql", "postgresql+psycopg:///jupyterhub?host=/run/postgresql"),
        ("postgresql://hub@db/hub", "postgresql+psycopg://hub@db/hub"),
        ("postgresql+psycopg://hub@db/hub", "postgresql+psycopg://hub@db/hub"),
    ],
)
def test_the_address_of_the_database(database: str, url: str) -> None:
    assert secrets("jupyterhub", hub(database=database))[CONFIG]["JupyterHub"]["db_url"] == url


def test_secrets_are_merged_last() -> None:
    settings = hub(
        **CLIENT,
        authenticator="github",
        config={"GitHubOAuthenticator": {"allowed_users": ["eve"], "scope": ["user"]}},
        secret_config={"GitHubOAuthenticator": {"allowed_users": ["ada"]}},
    )
    merged = merge_hash(config_of(plan("jupyterhub", settings)), secrets("jupyterhub", settings)[CONFIG])
    assert merged["GitHubOAuthenticator"] == {
        "client_id": "hub",
        "client_secret": "hunter2",
        "oauth_callback_url": "https://hub.example.org/hub/oauth_callback",
        "allowed_users": ["ada"],
        "scope": ["user"],
    }


@pytest.mark.parametrize(("idle", "interval"), [(0, 300), (60, 15), (1199, 299), (1200, 300), (7200, 300)])
def test_activity_is_as_exact_as_the_culler_needs(idle: int, interval: int) -> None:
    made = plan("jupyterhub", hub(cull_idle_seconds=idle))
    assert config_of(made)["JupyterHub"]["last_activity_interval"] == interval
    assert config_of(made)["Spawner"]["environment"]["JUPYTERHUB_ACTIVITY_INTERVAL"] == str(interval)
    culler = json.dumps(next(unit for unit in made["units"] if unit["name"] == "jupyterhub-culler.service"))
    assert (f"--cull-every={interval}'" in culler) == (idle > 0)


@pytest.mark.parametrize("settings", [{}, {"traefik": "/usr/local/bin/traefik"}])
def test_systemd_holds_each_address(settings: dict[str, Any]) -> None:
    units = {unit["name"]: unit for unit in plan("jupyterhub", hub(listen="127.0.0.1:443", **settings))["units"]}
    held = {
        name: unit["sections"]["Socket"]["ListenStream"]
        for name, unit in units.items()
        if name.endswith("socket") and "sections" in unit and "drop_in" not in unit
    }
    pages = {} if settings else {"jupyterhub-hub-pages.socket": "/run/jupyterhub-proxy/hub.sock"}
    assert held == {
        "jupyterhub-hub.socket": ["127.0.0.1:8081", "/run/jupyterhub/hub.sock"],
        **pages,
        "jupyterhub-proxy.socket": "127.0.0.1:443",
        "jupyterhub-proxy-api.socket": "127.0.0.1:8001",
    }
    for program, sockets in {"jupyterhub": 1 + len(pages), "jupyterhub-proxy": 2}.items():
        sections = units[f"{program}.service"]["sections"]
        assert sections["Service"]["Sockets"].split() == sections["Unit"]["Requires"]
        assert len(sections["Unit"]["Requires"]) == sockets
        # An address of a program that fails too often would be let go.
        assert sections["Unit"]["StartLimitIntervalSec"] == 0


def test_the_web_server_alone_opens_the_socket_of_the_proxy_and_the_proxy_that_of_the_pages() -> None:
    made = plan("jupyterhub", hub(name="jupyterhub-physics", socket_group="web"))
    units = {unit["name"]: unit for unit in made["units"]}
    for unit, path, group in (
        ("proxy-unix", "/run/jupyterhub-physics-proxy/proxy.sock", "web"),
        ("hub-pages", "/run/jupyterhub-physics-proxy/hub.sock", "jupyterhub-physics-servers"),
    ):
        held = units[f"jupyterhub-physics-{unit}.socket"]["sections"]["Socket"]
        found = [held[key] for key in ("ListenStream", "SocketUser", "SocketGroup", "SocketMode")]
        assert found == [path, "root", group, "0660"]


def test_an_address_of_before_is_left_once_the_web_server_has_moved() -> None:
    """The run of the role leaves it alone, and the proxy answers there."""
    made = plan("jupyterhub", hub())
    units = {unit["name"]: unit for unit in made["units"]}
    assert "jupyterhub-proxy.socket" not in units
    service = units["jupyterhub-proxy.service"]["sections"]
    assert "jupyterhub-proxy.socket" in service["Service"]["Sockets"].split()
    assert "jupyterhub-proxy.socket" not in service["Unit"]["Requires"]
    names = ("jupyterhub-proxy.socket", "jupyterhub-address@jupyterhub-proxy.service")
    assert made["former"] == [{"name": name, "state": "absent"} for name in names]
    back = plan("jupyterhub", hub(listen="127.0.0.1:8000"))
    assert {"name": "jupyterhub-proxy-unix.socket", "state": "absent"} in back["units"]
    assert back["former"] == []


@pytest.mark.parametrize(
    ("settings", "upstream"),
    [
        ({}, "unix:/run/jupyterhub-proxy/proxy.sock"),
        ({"traefik": "/usr/local/bin/traefik"}, "127.0.0.1:8000"),
        ({"certificate": "hub.example.org"}, "127.0.0.1:8000"),
        ({"listen": "127.0.0.1:8010"}, "127.0.0.1:8010"),
    ],
)
def test_where_the_proxy_listens_follows_from_the_proxy(settings: dict[str, Any], upstream: str) -> None:
    said = {"name": "jupyterhub", "listen": "", "traefik": "", "certificate": "", **settings}
    assert jupyterhub_config.endpoint(said).upstream == upstream


def test_nodes_have_an_address_of_the_hub_and_what_the_hub_has_for_servers() -> None:
    cluster = {"spawner": "slurm", "slurm_partition": "main", "slurm_listen": "10.0.0.10:8082"}
    made = plan("jupyterhub", hub(users=[{"name": "ada"}, {"name": "bob", "state": "absent"}], **cluster))
    units = {unit["name"]: unit for unit in made["units"]}
    assert units["jupyterhub-nodes.socket"]["sections"]["Socket"]["ListenStream"] == "10.0.0.10:8082"
    assert units["jupyterhub.service"]["sections"]["Service"]["Sockets"].split()[-1] == "jupyterhub-nodes.socket"
    assert made["nodes"]["people"] == ["ada"]
    assert made["nodes"]["install"]["releases"] == {
        "/opt/jupyterhub/user": made["install"]["releases"]["/opt/jupyterhub/user"]
    }
    assert [file["path"] for file in made["nodes"]["files"]] == [
        file["path"] for file in made["files"] if file["path"].startswith("/etc/jupyterhub/singleuser/")
    ]


@pytest.mark.parametrize(
    ("listen", "upstream"), [("0.0.0.0:8000", "127.0.0.1:8000"), ("[::]:80", "[::1]:80"), ("10.0.0.1:1", "10.0.0.1:1")]
)
def test_where_a_web_server_reaches_the_hub(listen: str, upstream: str) -> None:
    assert jupyterhub_config.endpoint({"name": "jupyterhub", "listen": listen}).upstream == upstream


def test_pages_and_extensions_are_a_part_of_the_release(tmp_path: pathlib.Path) -> None:
    (tmp_path / "login.html").write_text("<p>ours</p>")
    (tmp_path / "notes.txt").write_text("")
    made = plan("jupyterhub", hub(templates=str(tmp_path)))
    files = made["install"]["releases"]["/opt/jupyterhub/hub"]["files"]
    assert files["templates/login.html"] == "<p>ours</p>"
    assert {"extensions/jupyterhub_config.py", "extensions/nbops_jupyterhub/spawner.py"} < set(files)
    assert {pathlib.PurePath(path).suffix for path in files} == {".py", ".html"}
    assert config_of(made)["JupyterHub"]["template_paths"] == ["/opt/jupyterhub/hub/current/templates"]


@pytest.mark.parametrize(
    ("settings", "adds"),
    [
        ({}, False),
        ({"listen": "[::1]:8000"}, False),
        ({"listen": "0.0.0.0:80", "accept_risks": ["plain_http"]}, True),
        ({"certificate": "hub.example.org"}, True),
    ],
)
def test_the_proxy_says_how_a_visitor_came_where_no_web_server_does(settings: dict[str, Any], adds: bool) -> None:
    units = plan("jupyterhub", hub(**settings))["units"]
    command = next(unit for unit in units if unit["name"] == "jupyterhub-proxy.service")["sections"]["Service"]
    assert ("--no-x-forward" in command["ExecStart"]) != adds


def test_what_the_web_server_takes_of_a_request_passes_the_proxy_and_the_servers() -> None:
    """nginx adds to it: the visitor's address twice, the name that was asked for twice, and a few short words."""
    buffers, size = heads.NGINX
    added = 2 * 45 + 2 * 253 + 300
    assert heads.KIB + buffers * size * heads.KIB + added < heads.PROXY < heads.SERVER


@pytest.mark.parametrize("name", ["jupyterhub-port", "jupyterhub-sockets", "jupyterhub-servers", "jupyterhub-users"])
def test_no_hub_has_the_directory_of_another_ones_servers(name: str) -> None:
    assert len(problems("jupyterhub", hub(name=name))) == 1


def slices(**options: Any) -> list[str]:
    return [unit["name"] for unit in plan("jupyterhub", hub(**options))["units"] if unit["name"].endswith(".slice")]


def test_no_hub_s_slice_is_a_part_of_another_s() -> None:
    """Else the other's servers would end with it. A hub that goes takes the slice of an older version along."""
    assert slices() == slices(state="absent", users=[]) == ["jupyterhub.slice"]
    assert slices(name="jupyterhub-physics") == ["jupyterhub_physics.slice"]
    gone = slices(name="jupyterhub-physics", state="absent", users=[])
    assert gone == ["jupyterhub_physics.slice", "jupyterhub-physics.slice"]
