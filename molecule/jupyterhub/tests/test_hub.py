"""A team's hub, seen from outside and felt from inside its servers."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from browser import LOGS, browser, log_in
from hub import HUB, status_of
from hub_client import HubClient
from notebook_client import Kernel, NotebookClient
from visitor import Visitor
from waiting import wait_until

METRICS_TOKEN = "/etc/jupyterhub/secrets/metrics_token"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong"),
        ("nobody-of-this-name", "correct horse battery"),
        ("mallory", "correct horse battery"),
        ("root", ""),
    ],
)
def test_wrong_credentials_are_refused(person, name: str, password: str) -> None:
    """A wrong password, an unknown name, an account with the right password that is not on the list, and root."""
    assert not person().login(name, password)


def test_a_name_in_capital_letters_is_the_accounts(person) -> None:
    """PAM itself knows no Ada."""
    assert person("ADA").request("GET", "user").json()["name"] == "ada"


@pytest.fixture
def ada(person) -> HubClient:
    """Her server may run, since an earlier test."""
    return person("ada")


@pytest.fixture
def new_ada(ada: HubClient) -> Iterator[HubClient]:
    """As on her first visit: no server of hers runs, before and after."""
    if ada.state():
        ada.stop()
    yield ada
    if ada.state():
        ada.stop()


@pytest.fixture
def lab(ada: HubClient) -> NotebookClient:
    return ada.enter("ada") if ada.state().get("ready") else ada.start()


@pytest.fixture
def kernel(lab: NotebookClient) -> Iterator[Kernel]:
    with lab.kernel() as kernel:
        yield kernel


def test_a_person_logs_in_runs_a_cell_and_stops(host, new_ada: HubClient) -> None:
    with new_ada.start().kernel() as kernel:
        assert kernel.run("6*7") == "42"
        assert kernel.run("import getpass; print(getpass.getuser())") == "ada"
    assert host.service("jupyterhub-user-ada").is_running
    new_ada.stop()
    assert not host.service("jupyterhub-user-ada").is_running


def test_a_hook_in_python_acts(kernel: Kernel) -> None:
    assert kernel.run("import os; print(os.environ['COURSE'])") == "physics of ada"


def test_limits_and_sandbox_of_a_server(host, ada: HubClient, lab: NotebookClient) -> None:
    """Everybody's limits, with the memory of the group in its place."""
    wanted = "MemoryMax,OOMPolicy,CPUQuotaPerSecUSec,TasksMax,Slice,User,"
    wanted += "NoNewPrivileges,PrivateTmp,PrivateDevices,ProtectHome"
    shown = host.check_output("systemctl show --property=%s jupyterhub-user-ada", wanted)
    assert dict(line.split("=", 1) for line in shown.splitlines()) == {
        "MemoryMax": str(2 * 2**30),
        "OOMPolicy": "continue",
        "CPUQuotaPerSecUSec": "1.500000s",
        "TasksMax": "300",
        "Slice": "jupyterhub.slice",
        "User": host.check_output("id --user ada"),
        "NoNewPrivileges": "yes",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "ProtectHome": "tmpfs",
    }


@pytest.mark.parametrize(("unit", "limit"), [("jupyterhub", 30), ("jupyterhub-proxy", 15), ("jupyterhub-user-ada", 20)])
def test_exposure(host, lab: NotebookClient, unit: str, limit: int) -> None:
    report = host.run(f"systemd-analyze security --no-pager --threshold={limit} {unit}.service")
    assert report.rc == 0, report.stdout.splitlines()[-1]


FORBIDDEN = (
    "open('/etc/mine', 'w')",
    "import sys; open(sys.prefix + '/mine', 'w')",
    "import os; os.listdir('/home/mallory')",
    "import os; os.listdir('/srv/grace')",
    "open('/etc/jupyterhub/config.json')",
    "open('/var/lib/jupyterhub/jupyterhub.sqlite')",
    "import os; os.listdir('/run/credentials/jupyterhub.service')",
    "import socket; socket.create_connection(('169.254.169.254', 80), timeout=5)",
    "import subprocess; subprocess.run(['sudo', '-n', 'true'], check=True)",
    "import subprocess; subprocess.run(['mount', '-t', 'tmpfs', 'none', '/mnt'], check=True)",
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'b\\'x\\' * 3 * 2**30'], check=True)",
)


def test_the_sandbox_applies(host, kernel: Kernel) -> None:
    host.run("touch /tmp/of-the-host")
    attempt = "try:\n    {}\n    print('done')\nexcept Exception: print('refused')"
    answers = {code: kernel.run(attempt.format(code)) for code in FORBIDDEN}
    assert [code for code, answer in answers.items() if "refused" not in answer or "done" in answer] == []
    assert kernel.run("import os; print(os.path.exists('/tmp/of-the-host'))") == "False"
    owners = "{os.stat(f'/proc/{pid}').st_uid for pid in os.listdir('/proc') if pid.isdigit()}"
    assert kernel.run(f"print({owners} == {{os.getuid()}})") == "True"


@pytest.mark.parametrize(
    ("profile", "open_places"),
    [
        ("usual", {"loopback", "network", "names"}),
        ("indoors", {"loopback", "names"}),
        ("outdoors", {"network", "names"}),
        ("exam", set()),
    ],
)
def test_a_profile_closes_the_network_of_a_server(
    host, person, address: str, profile: str, open_places: set[str]
) -> None:
    """As seen from inside, by who chooses it by the API; the hub and the person reach the server all the same."""
    # As a daemon that resolves names has it.
    host.check_output("install --directory /run/nscd && touch /run/nscd/socket")
    attempts = {
        "loopback": "socket.create_connection(('127.0.0.1', 8081), timeout=5)",
        "network": f"socket.create_connection(('{address}', 443), timeout=5)",
        "names": "os.stat('/run/nscd/socket')",
    }
    alan = person("alan")
    assert alan.request("POST", "users/alan/server", {"profile": profile}).status_code in (201, 202)
    wait_until(lambda: alan.state().get("ready"))
    with alan.enter("alan").kernel() as kernel:
        kernel.run("import os, socket")
        attempt = "try:\n    {}\n    print('open')\nexcept OSError: print('closed')"
        answers = {place: kernel.run(attempt.format(code)) for place, code in attempts.items()}
    alan.stop()
    assert answers == {place: "open" if place in open_places else "closed" for place in attempts}


def test_a_person_installs_packages_for_herself(lab: NotebookClient, kernel: Kernel) -> None:
    kernel.run("import subprocess, sys")
    kernel.run("subprocess.run([sys.executable, '-m', 'pip', 'install', '--user', 'cowsay'], check=True)")
    with lab.kernel() as other:
        assert other.run("import cowsay; print(cowsay.__file__)").startswith("/home/ada/.local/lib/python3")
        assert other.run("import shutil; print(shutil.which('cowsay'))") == "/home/ada/.local/bin/cowsay"


def test_a_terminal_finds_her_programs_and_not_in_the_place_of_the_releases(
    lab: NotebookClient, kernel: Kernel
) -> None:
    kernel.run("import os; os.makedirs(os.path.expanduser('~/.local/bin'), exist_ok=True)")
    for name in ("mine", "jupyter"):
        kernel.run(f"os.close(os.open(os.path.expanduser('~/.local/bin/{name}'), os.O_CREAT, 0o700))")
    terminal = lab.post("api/terminals").json()["name"]
    channel = lab.websocket(f"terminals/websocket/{terminal}")
    with contextlib.closing(channel):
        channel.send(json.dumps(["stdin", "command -v mine jupyter | sed 's/^/is /'\r"]))
        seen, found = "", []
        # The echo of the command is no answer.
        while len(found) < 2:
            kind, *text = json.loads(channel.recv())
            seen += str(text[0]) if kind == "stdout" else ""
            found = re.findall(r"is (/\w\S*)\r", seen)
    assert found[0] == "/home/ada/.local/bin/mine"
    assert found[1].startswith("/opt/jupyterhub/user/current/")


def test_a_widget_uploads_as_much_as_a_request_may_hold(kernel: Kernel) -> None:
    """12 MiB in one message; tornado takes 10 by itself."""
    assert kernel.run(f"len('{'x' * 12 * 2**20}')") == str(12 * 2**20)


def test_what_nginx_takes_of_a_request_reaches_hub_and_server(ada: HubClient, lab: NotebookClient) -> None:
    """Cookies of 19 KiB and two other headers as long: more than node takes by itself."""
    long = {"Cookie": f"other={'x' * 19 * 1024}", "X-One": "x" * 19 * 1024, "X-Two": "x" * 19 * 1024}
    assert ada.http.get(f"{ada.url}login", headers=long, timeout=30).status_code == 200
    answer = lab.http.get(f"{lab.url}api", headers=long, timeout=30)
    assert (answer.status_code, set(answer.json())) == (200, {"version"})


@pytest.fixture
def told(host, person) -> Iterator[dict[str, str]]:
    """The headers by which an application behind nginx and the proxy learns how a visitor came."""
    application = (
        "import http.server, json\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers()\n"
        "        self.wfile.write(json.dumps(dict(self.headers)).encode())\n"
        "http.server.HTTPServer(('127.0.0.1', 9123), Handler).serve_forever()"
    )
    host.check_output("systemd-run --unit=told --property=DynamicUser=yes python3 -c %s", application)
    route = "http://127.0.0.1:8001/api/routes/told"
    token = '--header "Authorization: token $(cat /etc/jupyterhub/secrets/proxy_token)"'
    body = '{"target": "http://127.0.0.1:9123"}'
    host.check_output(f"curl --fail --silent {token} --data %s {route}", body)
    visitor = person()
    visitor.url = f"https://{HUB}/told/"
    wait_until(lambda: visitor.get("").status_code == 200)
    yield {name.lower(): value for name, value in visitor.get("").json().items()}
    host.check_output(f"curl --fail --silent --request DELETE {token} {route}; systemctl stop told")


def test_an_application_learns_how_its_visitor_came(told: dict[str, str]) -> None:
    """Once, and as nginx saw it."""
    assert (told["x-forwarded-proto"], told["x-forwarded-port"]) == ("https", "443")
    assert told["x-forwarded-host"] == told["host"] == HUB
    assert told["x-forwarded-for"] == told["x-real-ip"]


def test_the_api_has_one_address_and_nginx_redirects_to_where_the_visitor_is(person) -> None:
    visitor = person()
    assert visitor.http.get(f"https://{HUB}/hub/api", allow_redirects=False, timeout=30).status_code == 200
    directory = visitor.http.get(f"https://{HUB}/hub/static/css", allow_redirects=False, timeout=30)
    assert (directory.status_code, directory.headers["Location"]) == (301, "/hub/static/css/")


def test_a_persons_own_kernels_are_in_her_home(host, lab: NotebookClient, kernel: Kernel) -> None:
    kernel.run("import subprocess, sys")
    kernel.run("subprocess.run([sys.executable, '-m', 'ipykernel', 'install', '--user', '--name=mine'], check=True)")
    assert set(lab.get("api/kernelspecs").json()["kernelspecs"]) == {"python3", "mine"}
    assert host.file("/home/ada/.local/share/jupyter/kernels/mine/kernel.json").user == "ada"


@pytest.fixture
def kernels_of_the_host(host) -> Iterator[None]:
    """As the role kernels writes them: for everybody, for a group that she is in, and for one that she is not in."""
    python = "/opt/jupyterhub/user/current/bin/python"
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = json.dumps({"argv": argv, "display_name": "Of the host", "language": "python"})
    directory = "/usr/local/share/jupyter/kernels"
    host.check_output("groupadd kernelists && usermod --append --groups kernelists ada")
    for name, group, mode in (("for-all", "root", "755"), ("hers", "kernelists", "750"), ("theirs", "root", "750")):
        place = f"{directory}/{name}"
        host.check_output("install --directory --mode=%s --group=%s %s", mode, group, place)
        host.check_output("umask 022 && printf %%s %s > %s/kernel.json", spec, place)
    yield
    host.check_output("rm -r /usr/local/share/jupyter && groupdel kernelists")


def test_users_read_environments_and_configuration_whatever_the_umask(host) -> None:
    """On Debian 13 the role ran under the umask 027 (shared/image/setup)."""
    umasks = {"jupyterhub-debian-13": "0027", "jupyterhub-debian-13-as-ubuntu": "0002"}
    assert host.check_output("umask") == umasks.get(host.backend.host, "0022")
    assert host.file("/etc/jupyterhub/singleuser").mode == 0o755
    assert host.check_output("find /opt/jupyterhub ! -type l ! -perm -o=r") == ""


def test_kernels_of_the_host_are_visible_to_their_users(kernels_of_the_host: None, new_ada: HubClient) -> None:
    lab = new_ada.start()  # with the groups that she has now
    assert lab.get("api/kernelspecs").json()["kernelspecs"].keys() & {"for-all", "hers", "theirs"} == {
        "for-all",
        "hers",
    }
    with lab.kernel("hers") as kernel:
        assert kernel.run("6 * 7") == "42"


def test_a_server_starts_in_its_directory_with_its_settings(lab: NotebookClient) -> None:
    lab.put("api/contents/mine.txt", {"type": "file", "format": "text", "content": "x"}).raise_for_status()
    assert {entry["name"] for entry in lab.get("api/contents").json()["content"]} == {"mine.txt", "shared"}
    assert lab.get("").url.endswith("/lab")
    assert lab.get("tree").status_code == 200


def test_other_peoples_servers_refuse(host, person, lab: NotebookClient) -> None:
    """Through the hub, and past it at the socket of the server itself, which only root, hub and proxy reach."""
    stranger = person("grace")
    assert stranger.enter("ada").get("api/contents").status_code == 403
    socket = "/run/jupyterhub-sockets/ada/server.sock"
    ask = f"curl --silent --output /dev/null --write-out %{{http_code}} --unix-socket {socket}"
    assert host.check_output(f"{ask} http://localhost/user/ada/api/contents") == "403"
    assert host.run(f"runuser -u grace -- {ask} http://localhost/user/ada/api/contents").stdout == "000"
    assert stranger.request("GET", "users").status_code == 403


def test_an_administrator_sees_everybody(ada: HubClient) -> None:
    assert {user["name"] for user in ada.request("GET", "users").json()} == {"ada", "alan", "grace"}
    assert ada.get("admin").status_code == 200


def test_a_named_server_runs_beside_the_other(host, ada: HubClient, lab: NotebookClient) -> None:
    with ada.start("second").kernel() as kernel:
        assert kernel.run("6*7") == "42"
    assert host.service("jupyterhub-user-ada").is_running
    assert host.service("jupyterhub-user-ada:second").is_running
    ada.stop("second")
    assert host.service("jupyterhub-user-ada").is_running


def test_an_existing_account_is_not_changed(host, person) -> None:
    grace = person("grace")
    with grace.start().kernel() as kernel:
        assert kernel.run("import os; print(os.path.expanduser('~'))") == "/srv/grace"
    shown = host.check_output("systemctl show --property=TasksMax,MemoryMax jupyterhub-user-grace")
    assert set(shown.splitlines()) == {"TasksMax=400", f"MemoryMax={2**30}"}
    grace.stop()
    assert host.user("grace").gecos == "Grace, since 1959"
    assert host.file("/home/ada").mode == 0o700


def test_the_announcement_and_the_teams_own_words_are_on_the_page(person) -> None:
    page = person().get("login").text
    assert "Backups run at noon." in page
    assert "Ask Grace for an account." in page


def test_a_service_may_do_what_its_role_says(host) -> None:
    token = "/etc/jupyterhub/secrets/report_token"
    assert status_of(host, "http://127.0.0.1:8081/hub/api/users", token) == "200"
    assert status_of(host, "http://127.0.0.1:8081/hub/api/users/ada", token, "DELETE") in ("403", "404")


def test_a_person_logs_in_by_browser(host, new_ada: HubClient, address: str) -> None:
    """The page that tells how the server starts leads to JupyterLab by itself."""
    with browser(host.backend.host, address, HUB) as page:
        page.goto(f"https://{HUB}/")
        log_in(page, "ada")
        page.wait_for_selector(".jp-Launcher")
        assert page.url.startswith(f"https://{HUB}/user/ada/lab")
        page.screenshot(path=LOGS / "browser-launcher.png")


def test_metrics_need_the_token(host) -> None:
    url = "http://127.0.0.1:8081/hub/metrics"
    assert status_of(host, url) == "403"
    assert status_of(host, url, METRICS_TOKEN) == "200"


def test_a_crashed_proxy_comes_back_with_its_routes(host, lab: NotebookClient) -> None:
    host.check_output("systemctl kill --signal=KILL jupyterhub-proxy")
    wait_until(lambda: lab.get("api/status").status_code == 200)


def test_while_the_hub_is_stopped_visitors_read_what_to_do_and_servers_go_on(
    host, address: str, lab: NotebookClient, kernel: Kernel
) -> None:
    certificate = host.file(f"/etc/ssl/jupyter/{HUB}/fullchain.pem").content_string
    visitor = Visitor(address, certificate, patience=90)
    host.check_output("systemctl stop jupyterhub.service")
    try:
        with ThreadPoolExecutor() as others:
            paths = ("/", "/hub/login", "/hub/home", "/user/grace/lab", "/user/grace/lab/tree/a b.ipynb")
            pages = [others.submit(visitor.ask, HUB, quote(path)) for path in paths]
            assert kernel.run("6*7") == "42"
            for page in pages:
                answer = page.result()
                assert answer.status == 504
                assert b"tell the administrators" in answer.body
        assert kernel.run("6*7") == "42"
    finally:
        host.check_output("systemctl start jupyterhub.service")


def test_the_hub_starts_at_boot(host) -> None:
    assert host.service("jupyterhub").is_enabled
    assert host.service("jupyterhub-proxy").is_enabled


def test_users_can_write_neither_environment(host) -> None:
    for environment in ("hub", "user", "proxy"):
        found = host.check_output(f"find /opt/jupyterhub/{environment}/current/ -writable -not -type l -not -user root")
        assert found == ""


def test_no_secret_is_readable_or_printed(host, new_ada: HubClient) -> None:
    new_ada.start()
    secrets = host.check_output("cat /etc/jupyterhub/secrets/*_token /etc/jupyterhub/secrets/cookie_secret")
    secrets = [secrets[start : start + 64] for start in range(0, len(secrets), 64)]
    assert len(secrets) == 5
    units = "jupyterhub jupyterhub-proxy jupyterhub-user-ada"
    seen = host.check_output(f"systemctl cat {units}; systemctl show {units}; ps -eo args; journalctl --no-pager")
    assert [secret for secret in secrets if secret in seen] == []
    assert host.run("runuser -u ada -- find /etc/jupyterhub/secrets").rc != 0
    for path in ("config.json", "secrets/proxy_token"):
        assert host.run(f"runuser -u ada -- cat /etc/jupyterhub/{path}").rc != 0


def test_only_nginx_faces_the_network(host) -> None:
    listeners = host.check_output("ss --listening --tcp --numeric --no-header").splitlines()
    open_to_all = [line.split()[3] for line in listeners if not line.split()[3].startswith(("127.", "[::1]"))]
    assert {place.rsplit(":", 1)[1] for place in open_to_all} == {"22", "80", "443"}


def test_static_files_of_the_hub_are_cached_and_pages_are_not(person) -> None:
    visitor = person()
    page = visitor.get("login")
    assert page.headers["Content-Security-Policy"]
    assert json.loads(visitor.get("api/").text)["version"]


def test_a_login_travels_by_tls_alone(person) -> None:
    cookies = {cookie.name: cookie.secure for cookie in person("ada").http.cookies}
    assert {"jupyterhub-hub-login", "jupyterhub-session-id"} <= cookies.keys()
    assert set(cookies.values()) == {True}


@pytest.fixture
def account(host) -> Iterator[Callable[..., str]]:
    """Makes a listed account with the password of all, as a directory calls it; it is gone afterwards."""
    made = []

    def make(name: str, home: str = "/home/guest", exists: bool = True) -> str:
        made.append(name)
        secret = host.check_output("getent shadow ada | cut -d: -f2")
        for file, line in (
            ("passwd", f"{name}:x:5000:5000::{home}:/bin/bash"),
            ("shadow", f"{name}:{secret}:19000:0:99999:7:::"),
            ("group", f"{name}:x:5000:"),
        ):
            host.check_output(f"cp -p /etc/{file} /etc/{file}.before && printf '%%s\\n' %s >> /etc/{file}", line)
        if exists:
            host.check_output("install --directory --mode=700 --owner=5000 --group=5000 %s", home)
        host.check_output("gpasswd --add %s jupyterhub", name)
        return name

    yield make
    for name in made:
        host.run("gpasswd --delete %s jupyterhub", name)
        host.check_output(
            "cd /etc; for file in passwd shadow group; do mv $file.before $file; done; rm -rf /home/guest*"
        )


@pytest.mark.parametrize(("name", "server"), [("ada@example.org", ""), ("example\\20231234", ""), ("x" * 32, "s" * 25)])
def test_people_and_servers_may_have_such_names(person, account, name: str, server: str) -> None:
    """As directories call accounts, and as long as they can be."""
    visitor = person(account(name))
    try:
        with visitor.start(server).kernel() as kernel:
            assert kernel.run("6*7") == "42"
    finally:
        visitor.stop(server)


@pytest.mark.parametrize(
    ("home", "exists", "reason"),
    [
        ("/home/guest", False, "is missing: /home/guest"),
        ("/home/guest room", True, "is no absolute path of letters, digits and"),
    ],
)
def test_a_home_that_is_none_is_told_at_once(person, account, home: str, exists: bool, reason: str) -> None:
    visitor = person(account("homeless", home, exists))
    answer = visitor.request("POST", "users/homeless/server")
    assert (answer.status_code, f"The home of homeless {reason}" in answer.json()["message"]) == (403, True)


@pytest.mark.parametrize("fault", ["ExecStartPre=/bin/false", "Environment=PYTHONHOME=/nowhere"])
def test_a_server_that_ends_before_it_is_ready_is_told_at_once(host, person, account, fault: str) -> None:
    """A unit that does not start, and a program that ends."""
    visitor, directory = person(account("hapless")), "/run/systemd/system/jupyterhub-user-hapless.service.d"
    host.check_output(f"mkdir {directory}; printf '[Service]\\n{fault}\\n' > {directory}/fault.conf")
    host.check_output("systemctl daemon-reload")
    try:
        answer = visitor.request("POST", "users/hapless/server")
    finally:
        host.check_output(f"rm --recursive {directory}; systemctl daemon-reload")
    where = "journalctl --unit=jupyterhub-user-hapless.service"
    assert (answer.status_code, answer.json()["message"].endswith(where)) == (500, True)
    # The unit of that server is still known as failed.
    with visitor.start().kernel() as kernel:
        assert kernel.run("6*7") == "42"
    visitor.stop()
