"""People of this scenario: at the provider, and with a session at one of the two hubs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
import requests
import yaml
from hub_client import HubClient

WEB = "https://hub.example.org:8443/web/hub/"
HOUSE = "https://hub.example.org:8543/house/hub/"
PASSWORD = "correct horse battery"


class Traveller(HubClient):
    """Somebody who logs in at the provider, by the form that it shows."""

    def ask(self) -> requests.Response:
        """Ask the hub to be let in; the answer is the provider's form."""
        return self.http.get(self.url + "oauth_login?next=" + "/web/hub/home", timeout=60)

    def send(self, form: requests.Response, name: str, password: str = PASSWORD, **options: bool) -> requests.Response:
        transaction = re.search(r'name="transaction_id" value="([^"]+)"', form.text)
        fields = {"transaction_id": transaction[1], "username": name, "password": password}
        self.name = name
        return self.http.post(form.url, data=fields, timeout=60, **options)

    def enters(self, name: str, password: str = PASSWORD) -> bool:
        """Go all the way; whether the hub lets us in. It refuses by a page that says so."""
        answer = self.send(self.ask(), name, password)
        inside = self.get("api/user").status_code == 200
        assert inside or answer.status_code == 403 or answer.url.startswith("https://hub.example.org:9443/")
        return inside

    def me(self) -> dict:
        return self.get("api/user").json()


@pytest.fixture
def traveller(person) -> Callable[[], Traveller]:
    def make() -> Traveller:
        other = person(url=WEB)
        return Traveller(other.url, ca=other.ca)

    return make


@pytest.fixture
def resident(person) -> Callable[..., HubClient]:
    """Makes people at the hub of the house, who log in there."""
    return lambda name="", password=PASSWORD: person(name, password, HOUSE)


@pytest.fixture
def change(host) -> Iterator[Callable[..., None]]:
    """Changes what the provider knows of a person, until the test ends."""
    before = host.file("/etc/people/users.yaml").content_string

    def write(text: str) -> None:
        host.check_output("printf %%s %s > /etc/people/users.yaml", text)
        host.check_output("curl --silent --fail --request POST https://hub.example.org:9443/api/config/reload")

    def apply(name: str, **fields: object) -> None:
        known = yaml.safe_load(before)
        known["users"][name].update(fields)
        write(yaml.safe_dump(known))

    yield apply
    write(before)
