"""The hub with traefik in the place of the proxy that the role installs; what people see of it is tested in tests/."""

from __future__ import annotations

API = "http://127.0.0.1:8001/api/overview"


def test_traefik_runs_and_the_other_proxy_is_gone(host) -> None:
    pid = host.check_output("systemctl show --property=MainPID --value jupyterhub-proxy")
    assert host.check_output(f"readlink /proc/{pid}/exe").endswith("/bin/traefik")
    assert not host.file("/opt/jupyterhub/proxy").exists


def test_its_api_wants_a_password(host) -> None:
    code = "curl --silent --output /dev/null --write-out '%{http_code}' --config -"
    assert host.check_output(f"echo 'url = {API}' | {code}") == "401"
    login = "printf 'url = %s\\nuser = hub:%s\\n'"
    assert host.check_output(f"{login} {API} $(cat /etc/jupyterhub/secrets/proxy_token) | {code}") == "200"


def test_nobody_else_on_the_host_reads_the_routes(host) -> None:
    routes = "/var/lib/jupyterhub/traefik/routes.toml"
    assert "http.routers" in host.check_output(f"cat {routes}")
    assert host.run(f"runuser -u ada -- cat {routes}").rc != 0
