"""People choose among profiles, as far as these are for them."""

from __future__ import annotations

import pytest
from accessibility import barriers
from browser import LOGS, browser, log_in
from hub import HUB


def limits(host, name: str) -> dict[str, str]:
    shown = host.check_output(f"systemctl show --property=MemoryMax,TasksMax,CPUQuotaPerSecUSec jupyterhub-user-{name}")
    return dict(line.split("=", 1) for line in shown.splitlines())


def test_a_person_chooses_on_the_form(host, person, address: str) -> None:
    with browser(host.backend.host, address, HUB) as page:
        page.goto(f"https://{HUB}/")
        log_in(page, "grace")
        large = page.get_by_role("radio", name="Large")
        large.wait_for()
        assert page.get_by_role("group", name="Your server").get_by_role("radio").count() == 3
        assert page.get_by_role("radio", name="Usual").is_checked()
        assert barriers(page, "fieldset") == []
        # By keys alone: from the chosen one to the next, and on to the button.
        page.get_by_role("radio", name="Usual").focus()
        page.keyboard.press("ArrowDown")
        assert large.is_checked()
        page.screenshot(path=LOGS / "browser-profiles.png")
        page.keyboard.press("Enter")
        page.wait_for_url(f"https://{HUB}/user/grace/tree*")
    assert limits(host, "grace") == {"MemoryMax": str(3 * 2**30), "TasksMax": "700", "CPUQuotaPerSecUSec": "1.500000s"}
    grace = person("grace")
    with grace.enter("grace").kernel() as kernel:
        assert kernel.run("import os; print(os.environ['OMP_NUM_THREADS'])") == "4"
    grace.stop()
    # What was chosen stays, also of who asks by the API.
    grace.start()
    assert limits(host, "grace")["TasksMax"] == "700"
    grace.stop()


def test_without_a_choice_the_default_counts(host, person) -> None:
    ada = person("ada")
    ada.start()
    assert limits(host, "ada")["MemoryMax"] == str(2 * 2**30)
    ada.stop()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"profile": "large"}, "There is no such profile for you. Choose one of: small, usual."),
        ({"profile": "<b>"}, "There is no such profile for you. Choose one of: small, usual."),
        ({"profile": "usual", "mem_limit": "64G"}, "A server here has the one option 'profile': small, usual."),
    ],
)
def test_what_is_not_for_somebody_is_refused(host, person, options: dict, told: str) -> None:
    ada = person("ada")
    answer = ada.request("POST", "users/ada/server", options)
    assert (answer.status_code, answer.json()["message"]) == (400, told)
    assert not host.service("jupyterhub-user-ada").is_running
    # By the address of the page as well.
    query = "&".join(f"opt-{name}={value}" for name, value in options.items())
    page = ada.get(f"spawn/ada?{query}")
    assert page.status_code == 400
    assert "<b>" not in page.text.replace("<b>Error", "")
    # A choice that was refused does not stay.
    assert ada.request("POST", "users/ada/server", {"profile": "small"}).status_code in (201, 202)
    ada.stop()
