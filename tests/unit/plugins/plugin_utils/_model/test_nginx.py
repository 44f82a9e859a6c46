"""What becomes of nginx sites. What is refused stands in tests/negative, with its messages."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from models import plan, problems, require_golden, require_words, secrets

LOCATION = {"path": "/", "upstream": "127.0.0.1:8888", "websocket": True}
SITE = {"name": "lab", "server_names": ["lab.example.org"], "locations": [LOCATION]}
HASH = "$6$salt$abcdefgh./"
FULL = {
    "name": "full",
    "server_names": ["lab.example.org", "*.example.org", "192.0.2.10", "2001:db8::1"],
    "listen_addresses": ["192.0.2.10", "[2001:db8::10]"],
    "certificate": "lab",
    "default": True,
    "http_port": 8080,
    "https_port": 8443,
    "hsts": "max-age=63072000; includeSubDomains",
    "content_security_policy": "frame-ancestors 'self'; img-src https: data:",
    "client_max_body_size": "0",
    "allow": ["192.0.2.0/24", "2001:db8::/32"],
    "client_ca": "/etc/ssl/staff.pem",
    "basic_auth": [{"user": "ada", "password_hash": HASH}],
    "login_paths": ["/login", "/a/login"],
    "login_rate": "1r/s",
    "login_burst": 0,
    "connections_per_client": 0,
    "error_page": "<p>Not available</p>",
    "maintenance": False,
    "locations": [
        {
            "path": "/",
            "upstream": "unix:/run/a/b.sock",
            "websocket": True,
            "compress": True,
            "pages": ["lab", "user/*/lab"],
        },
        {
            "path": "/a/",
            "upstream": "127.0.0.1:9000",
            "directory": "/srv/a",
            "read_timeout": "10m",
            "buffering": False,
            "client_max_body_size": "8m",
            "allow": ["10.0.0.0/8"],
        },
        {"path": "/old", "redirect": "https://a.org:8443", "redirect_code": 301},
        {
            "path": "/many",
            "balance": "least_conn",
            "upstreams": [{"server": "a.internal:80", "weight": 2}, {"server": "[::1]:80", "backup": True}],
        },
    ],
}
MAXIMAL = {
    "nginx_sites": [
        FULL,
        {**SITE, "name": "closed", "server_names": ["closed.example.org"], "maintenance_page": "<p>Closed</p>"},
        {"name": "old", "state": "absent", "server_names": ["old.example.org"]},
    ],
    "nginx_tls_profile": "modern",
    "nginx_trusted_proxies": ["10.0.0.1", "2001:db8::/64"],
    "nginx_maintenance": True,
    "nginx_log_format": "json",
    "nginx_worker_shutdown_timeout": "2h",
    "nginx_fail2ban": True,
    "nginx_fail2ban_ignore": ["192.0.2.0/24"],
}
FRESH = {
    "installed": False,
    "version": "0",
    "openssl_version": "0",
    "ipv6": True,
    "packaged_by_debian": False,
    "complaint": "",
    "listeners": [],
    "group": "www-data",
    "reads_main_files": False,
    "shutdown_timeout_elsewhere": False,
    "brotli": False,
    "fail2ban": {"installed": False, "jail": False, "auth_log": True},
}
TRIXIE = {
    **FRESH,
    "installed": True,
    "version": "1.26.3",
    "openssl_version": "3.5.1",
    "packaged_by_debian": True,
    "reads_main_files": True,
    "brotli": True,
    "fail2ban": {"installed": True, "jail": True, "auth_log": False},
}


def listener(file: str, endpoint: str, **more: Any) -> dict[str, Any]:
    return {"file": file, "endpoint": endpoint, "default": False, "ssl": True, "names": [], "ours": True, **more}


OTHERS = [
    listener("/etc/nginx/conf.d/nbops-other.conf", "*:9443", names=["other.example.org"]),
    listener("/etc/nginx/conf.d/00-nbops.conf", "*:80", default=True, ssl=False),
    listener("/etc/nginx/conf.d/nbops-old.conf", "*:7443"),
    listener("/etc/nginx/sites-enabled/x", "*:443", default=True, ours=False, names=["_"]),
]


def planned(found: dict[str, Any], *sites: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return plan("nginx", {"nginx_sites": list(sites), **settings}, {"found": found})


def site(**changes: Any) -> list[str]:
    return problems("nginx", {"nginx_sites": [{**SITE, **changes}]})


def location(**changes: Any) -> list[str]:
    return site(locations=[LOCATION, {"path": "/a/", "upstream": "127.0.0.1:1", **changes}])


def test_the_plan_of_one_site_on_a_fresh_host() -> None:
    require_golden("nginx-minimal", planned(FRESH, SITE), texts=True)


def test_the_plan_of_sites_that_say_everything() -> None:
    require_golden("nginx-maximal", plan("nginx", MAXIMAL, {"found": {**TRIXIE, "listeners": OTHERS}}), texts=True)


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("nginx", MAXIMAL, {"found": {**TRIXIE, "listeners": OTHERS}})


def test_a_plan_holds_no_secret() -> None:
    assert HASH not in json.dumps(plan("nginx", MAXIMAL, {"found": TRIXIE}))


def test_passwords_stand_in_a_private_file() -> None:
    files = secrets("nginx", MAXIMAL)
    assert files.pop("nbops/full/passwords").splitlines()[-2:] == ["# role nbops.jupyter.nginx", f"ada:{HASH}"]
    assert files == {"nbops/closed/passwords": None, "nbops/old/passwords": None}


def test_files_begin_with_the_comment_of_the_user() -> None:
    host = {"found": FRESH, "ansible_managed": "Ours,\nhands off"}
    files = plan("nginx", MAXIMAL, host)["files"]
    assert files["conf.d/nbops-full.conf"].startswith("#\n# Ours,\n# hands off\n#\n")


@pytest.mark.parametrize(
    ("found", "settings", "missing"),
    [
        (FRESH, {}, ["nginx", "openssl", "libnginx-mod-http-brotli-static"]),
        (FRESH, {"nginx_brotli": False}, ["nginx", "openssl"]),
        ({**TRIXIE, "brotli": False}, {}, ["libnginx-mod-http-brotli-static"]),
        ({**TRIXIE, "brotli": False, "packaged_by_debian": False}, {}, []),
        (TRIXIE, {"nginx_fail2ban": True}, []),
        (
            {**TRIXIE, "fail2ban": FRESH["fail2ban"]},
            {"nginx_fail2ban": True},
            ["fail2ban", "nftables", "python3-systemd"],
        ),
    ],
)
def test_packages_that_are_missing(found: dict[str, Any], settings: dict[str, Any], missing: list[str]) -> None:
    files = {**SITE, "locations": [{"path": "/", "directory": "/srv/files"}]}
    assert planned(found, files, **settings)["missing"] == missing
    assert planned(found, {"name": "lab", "state": "absent"}, **settings)["missing"] == []


def test_a_host_without_nginx_and_sites_stays_as_it_is() -> None:
    made = planned(FRESH, {"name": "lab", "state": "absent"})
    assert (made["files"], made["fail2ban"], made["runs"]) == ({}, {}, False)


def test_shared_files_leave_with_the_last_site() -> None:
    files = planned(TRIXIE, {"name": "lab", "state": "absent"})["files"]
    assert files["conf.d/00-nbops.conf"] is None
    assert set(files.values()) == {None}


def test_the_jail_leaves_where_bans_are_off() -> None:
    assert planned(TRIXIE, SITE)["fail2ban"]["state"] == "absent"


def test_two_sites_share_a_certificate() -> None:
    other = {**SITE, "name": "b", "server_names": ["b.org"], "certificate": "lab.example.org"}
    old = {"name": "old", "state": "absent", "certificate": "lab.example.org"}
    made = planned(FRESH, SITE, other, old)
    assert made["certificates"] == {"lab.example.org": ["lab.example.org", "b.org"]}
    assert made["unused_certificates"] == []


def test_a_refused_configuration_of_the_host_is_told() -> None:
    broken = {"found": {**TRIXIE, "complaint": "unknown directive."}}
    (told,) = problems("nginx", {"nginx_sites": [SITE]}, broken)
    assert "so nothing can be added to it: unknown directive. Mend it first." in told
    assert problems("nginx", {"nginx_sites": [SITE], "nginx_reject_unknown_hosts": False}, broken) == []


def test_whoever_has_a_port_of_nginx_is_named() -> None:
    assert plan("nginx", {"nginx_sites": [SITE]})["addresses"] == ["0.0.0.0:443", "0.0.0.0:80"]
    addresses = {**SITE, "listen_addresses": ["192.0.2.1", "[2001:db8::1]"], "https_port": 8443}
    assert plan("nginx", {"nginx_sites": [addresses]})["addresses"] == [
        *("192.0.2.1:80", "192.0.2.1:8443", "[2001:db8::1]:80", "[2001:db8::1]:8443")
    ]
    stranger = {"address": "0.0.0.0:80", "process": "apache2 (process 812 of root, apache2.service)"}
    (told,) = problems("nginx", {"nginx_sites": [SITE]}, {"found": {**FRESH, "strangers": [stranger]}})
    assert told.startswith(
        "nginx is to listen on 0.0.0.0:80, which is taken by apache2 (process 812 of root, apache2.service). Stop and"
    )


@pytest.mark.parametrize(
    ("version", "openssl", "held", "lacking"),
    [
        ("1.22.1", "3.0.17", ["listen *:443 ssl http2;", "ssl_session_tickets off;"], ["http2 on;", "X25519MLKEM768"]),
        ("1.23.2", "3.4.9", ["listen *:443 ssl http2;"], ["ssl_session_tickets", "X25519MLKEM768"]),
        ("1.25.0", "3.4.9", ["listen *:443 ssl http2;"], ["http2 on;"]),
        ("1.25.1", "3.5.0", ["listen *:443 ssl;", "http2 on;", "X25519MLKEM768:X25519"], ["ssl_session_tickets"]),
    ],
)
def test_what_each_version_can_do(version: str, openssl: str, held: list[str], lacking: list[str]) -> None:
    found = {**TRIXIE, "version": version, "openssl_version": openssl}
    text = planned(found, SITE)["files"]["conf.d/nbops-lab.conf"]
    assert [word for word in held if word not in text] + [word for word in lacking if word in text] == []


@pytest.mark.parametrize(
    ("default", "ours", "rejects"),
    [(True, False, False), (False, False, False), (False, True, True)],
)
def test_unknown_names_are_rejected_where_nobody_else_was_first(default: bool, ours: bool, rejects: bool) -> None:
    stranger = listener("/x", "*:443", default=default, ours=False)
    shared = listener("/etc/nginx/conf.d/00-nbops.conf", "*:443", default=True)
    files = planned({**TRIXIE, "listeners": [stranger, *[shared] * ours]}, SITE)["files"]
    assert ("listen *:443 ssl default_server;" in files["conf.d/00-nbops.conf"]) is rejects
    assert "listen [::]:443 ssl default_server;" in files["conf.d/00-nbops.conf"]


@pytest.mark.parametrize(
    ("other", "names"),
    [
        (listener("/etc/nginx/sites-enabled/x", "*:443", names=["a.org"], ours=False), "a.org"),
        (listener("/etc/nginx/conf.d/nbops-hub.conf", "[::]:80", names=["b.org", "a.org"]), "a.org, b.org"),
        (listener("/etc/nginx/sites-enabled/x", "*:443", names=["[2001:db8::1]"], ours=False), "[2001:db8::1]"),
        (listener("/etc/nginx/sites-enabled/x", "*:8443", names=["a.org"], ours=False), ""),
        (listener("/etc/nginx/sites-enabled/x", "192.0.2.1:443", names=["a.org"], ours=False), ""),
        (listener("/etc/nginx/sites-enabled/x", "*:443", names=["c.org"], ours=False), ""),
        # The file that this run writes anew.
        (listener("/etc/nginx/conf.d/nbops-lab.conf", "*:443", names=["a.org"]), ""),
    ],
)
def test_a_name_that_another_site_of_the_host_has_is_refused(other: dict[str, Any], names: str) -> None:
    entry = {**SITE, "server_names": ["a.org", "b.org", "2001:db8::1"], "certificate": "a"}
    found = problems("nginx", {"nginx_sites": [entry]}, {"found": {**TRIXIE, "listeners": [other]}})
    assert [text.partition(" is the name")[0] for text in found] == ([f"Site lab: {names}"] if names else [])


@pytest.mark.parametrize(
    ("asked", "is_page"),
    [
        *((path, True) for path in ("/a.b/", "/a.b/lab", "/a.b/lab/tree/x y", "/a.b/user/ada/lab/")),
        *((path, False) for path in ("/a.b/labs", "/a.b/api/lab", "/a.b/user/lab", "/a.b/user/ada/x/lab", "/axb/lab")),
    ],
)
def test_pages_and_what_is_below_them_are_known(asked: str, is_page: bool) -> None:
    """The pattern stands in nginx's configuration, which reads it as Python does."""
    pages = {"path": "/a.b/", "upstream": "127.0.0.1:1", "pages": ["lab", "user/*/lab"]}
    text = planned(TRIXIE, {**SITE, "locations": [pages]})["files"]["conf.d/nbops-lab.conf"]
    (pattern,) = re.findall(r"location ~ (\S+) \{", text)
    assert bool(re.search(pattern, asked)) is is_page


@pytest.mark.parametrize("read_timeout", ["", "10m"])
def test_a_page_has_a_minute_and_a_login_what_its_location_says(read_timeout: str) -> None:
    entry = {**LOCATION, "pages": ["lab"], "read_timeout": read_timeout}
    text = planned(TRIXIE, {**SITE, "login_paths": ["/login"], "locations": [entry]})["files"]["conf.d/nbops-lab.conf"]
    found = re.findall(r"proxy_read_timeout (\w+);", text)
    assert found == [read_timeout or "1d", "60s", read_timeout or "60s"]


@pytest.mark.parametrize(
    "changes",
    [
        {"http_port": 1, "https_port": 65535},
        {"client_max_body_size": "0"},
        {"login_paths": ["/login"], "login_rate": "99999r/s", "login_burst": 0},
        {"connections_per_client": 0},
        {"listen_addresses": ["192.0.2.10", "[2001:db8::10]"]},
        {"server_names": ["*.example.org", "2001:db8::1"], "certificate": "a"},
        {"state": "absent", "server_names": [], "locations": []},
    ],
)
def test_what_is_right_passes(changes: dict[str, Any]) -> None:
    assert site(**changes) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"http_port": 0},
        {"https_port": 65536},
        {"http_port": 443},
        {"login_rate": "0r/s"},
        {"login_rate": "100000r/s"},
        {"login_burst": -1},
        {"connections_per_client": -1},
        {"listen_addresses": ["2001:db8::10"]},
        {"listen_addresses": ["0.0.0.0"]},
        {"basic_auth": [{"user": "ada", "password_hash": "$6$1234567"}]},
        {"locations": []},
        {"surprise": 1},
    ],
)
def test_what_is_wrong_is_told_once(changes: dict[str, Any]) -> None:
    assert len(site(**changes)) == 1


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"upstream": "127.0.0.1:65535"}, 0),
        ({"upstream": "127.0.0.1:65536"}, 1),
        ({"upstream": "127.0.0.1:0"}, 1),
        ({"upstream": "", "upstreams": [{"server": "a:1", "weight": 1}]}, 0),
        ({"upstream": "", "upstreams": [{"server": "a:1", "weight": 0}]}, 1),
        ({"upstream": "", "upstreams": [{"server": "a:1", "backup": True}]}, 1),
        ({"directory": "/srv/a"}, 0),
        ({"directory": "/srv/../a"}, 1),
        ({"path": "/a", "directory": "/srv/a"}, 1),
        ({"redirect": "/b"}, 1),
        ({"read_timeout": "1s"}, 0),
        ({"read_timeout": "0s"}, 1),
        ({"client_max_body_size": "1m"}, 0),
        ({"client_max_body_size": "1MB"}, 1),
        ({"pages": ["lab", "user/*/lab-1.0/*"]}, 0),
        ({"pages": ["lab/"]}, 1),
        ({"pages": ["*lab"]}, 1),
        ({"pages": [""]}, 1),
        ({"pages": ["lab"], "path": "/a"}, 1),
        ({"pages": ["lab"], "directory": "/srv/a"}, 1),
        ({"allow": ["10.0.0.0/8"]}, 0),
        ({"allow": ["10.0.0.1/8"]}, 1),
    ],
)
def test_the_boundaries_of_a_location(changes: dict[str, Any], count: int) -> None:
    assert len(location(**changes)) == count


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"nginx_fail2ban_max_retry": 1}, 0),
        ({"nginx_fail2ban_max_retry": 0}, 1),
        ({"nginx_fail2ban_find_seconds": 0}, 1),
        ({"nginx_fail2ban_ban_seconds": 0}, 1),
        ({"nginx_fail2ban_ignore": ["everybody"]}, 1),
        ({"nginx_trusted_proxies": ["0.0.0.0/1"]}, 0),
        ({"nginx_trusted_proxies": ["0.0.0.0/0"]}, 1),
        ({"nginx_worker_shutdown_timeout": "1d"}, 0),
        ({"nginx_worker_shutdown_timeout": "1w"}, 1),
        ({"nginx_tls_profile": "old"}, 1),
    ],
)
def test_the_boundaries_of_what_sites_share(changes: dict[str, Any], count: int) -> None:
    assert len(problems("nginx", {"nginx_sites": [SITE], **changes})) == count


def test_a_login_belongs_to_the_location_with_the_longest_beginning() -> None:
    assert location(path="/login", upstream="", redirect="/") == []
    paths = {"path": "/login", "redirect": "/"}
    assert len(site(login_paths=["/login"], locations=[LOCATION, paths])) == 1


def test_one_site_of_each_port_can_be_the_default() -> None:
    other = {**SITE, "name": "b", "server_names": ["b.org"], "default": True}
    both = [{**SITE, "default": True}, other]
    assert len(problems("nginx", {"nginx_sites": both})) == 1
    assert problems("nginx", {"nginx_sites": [both[0], {**other, "http_port": 81, "https_port": 444}]}) == []


def test_all_problems_are_told_at_once() -> None:
    told = site(hsts="{", client_max_body_size="1x", login_rate="1")
    assert [text.split()[2] for text in told] == ["client_max_body_size", "hsts", "login_rate"]


def test_a_password_in_the_place_of_its_hash_is_never_repeated() -> None:
    (told,) = site(basic_auth=[{"user": "ada", "password_hash": "hunter2"}])
    assert "hunter2" not in told


@pytest.mark.parametrize("key", ["name", "certificate", "hsts", "content_security_policy", "client_ca", "login_rate"])
def test_nothing_of_a_site_hides_behind_a_line_end(key: str) -> None:
    full = {**FULL, "login_paths": []}
    assert len(site(**{**full, key: f"{full[key]}\n"})) == 1


@pytest.mark.parametrize("key", ["path", "upstream", "directory", "read_timeout"])
def test_nothing_of_a_location_hides_behind_a_line_end(key: str) -> None:
    right = {"path": "/a/", "upstream": "unix:/run/a/b.sock", "directory": "/srv/a", "read_timeout": "10m"}
    assert location(**{**right, key: f"{right[key]}\n"})


@pytest.mark.parametrize(("path", "answers"), [("/", False), ("/lab/", True)])
def test_nothing_of_nginx_itself_is_shown_where_a_site_has_no_root(path: str, answers: bool) -> None:
    site = {**SITE, "locations": [{"path": path, "upstream": "127.0.0.1:8888"}]}
    text = planned(FRESH, site)["files"]["conf.d/nbops-lab.conf"]
    assert ("return 404;" in text) == answers
    assert text.count("location / {") == 2


@pytest.mark.parametrize(("proxies", "port"), [([], "$server_port"), (["10.0.0.0/8"], "$nbops_lab_port")])
def test_a_service_is_told_the_port_by_which_the_visitor_came(proxies: list[str], port: str) -> None:
    text = planned(FRESH, SITE, nginx_trusted_proxies=proxies)["files"]["conf.d/nbops-lab.conf"]
    assert f"proxy_set_header X-Forwarded-Port {port};" in text
