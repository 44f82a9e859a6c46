"""Pages of other sites, and links that somebody sends to people of the hub."""

from __future__ import annotations

import pytest
from hub import HUB

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
}


def test_no_page_of_another_origin_opens_a_kernel(person) -> None:
    """Browsers send the cookies of who looks at the page along."""
    kate = person("kate")
    lab = kate.start()
    with lab.kernel() as kernel:

        def open_from(origin: str) -> int:
            headers = {**HANDSHAKE, "Origin": origin}
            channels = f"{lab.url}api/kernels/{kernel.identity}/channels"
            with lab.http.get(channels, headers=headers, stream=True, timeout=kate.patience) as answer:
                return answer.status_code

        assert open_from(f"https://{HUB}") == 101
        strangers = (
            "https://evil.example",
            "null",
            f"https://{HUB}:444",
            f"https://ada.{HUB}",
            f"https://{HUB}.evil.example",
        )
        assert {origin: open_from(origin) for origin in strangers} == dict.fromkeys(strangers, 403)
    kate.stop()


@pytest.mark.parametrize(
    "destination",
    [
        "https://evil.example",
        "//evil.example",
        r"\\evil.example",
        r"/\evil.example",
        "/%2f/evil.example",
        "%09//evil.example",
    ],
)
def test_who_logs_in_by_a_link_stays_at_the_hub(person, destination: str) -> None:
    kate = person("kate")
    login = f"{kate.url}login?next={destination}"
    leads_to = kate.http.get(login, allow_redirects=False, timeout=kate.patience).headers["Location"]
    assert leads_to.startswith("/")
    assert not leads_to.startswith(("//", "/\\"))


def test_a_stranger_sends_the_hub_no_large_body(person) -> None:
    """It would fill the host's disk or the hub's memory before anybody asks who sends it."""
    stranger = person()
    for page in "login", "api/users", "static/x":
        answer = stranger.http.post(stranger.url + page, data=bytes(2**20 + 1), timeout=stranger.patience)
        assert answer.status_code == 413, page


def test_a_stranger_fills_no_memory_of_a_server(host, person) -> None:
    """It would take their body as a whole before it asks who they are."""
    kate, stranger = person("kate"), person()
    lab = kate.start()
    process = host.check_output("systemctl show --property=MainPID --value jupyterhub-user-kate")

    def kilobytes() -> int:
        return int(host.check_output("awk '/^VmHWM/ {print $2}' /proc/%s/status", process))

    before = kilobytes()
    upload = stranger.http.put(f"{lab.url}api/contents/x", data=bytes(200_000_000), timeout=stranger.patience)
    assert upload.status_code == 403
    assert kilobytes() - before < 50_000
    # Hers arrives.
    text = "x" * 2**21
    mine = {"type": "file", "format": "text", "content": text}
    assert lab.put("api/contents/mine.txt", mine).status_code == 201
    assert lab.get("api/contents/mine.txt").json()["content"] == text
    kate.stop()
