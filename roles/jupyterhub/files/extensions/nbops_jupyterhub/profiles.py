"""Profiles from which people choose when they start a server: who may have which, the form, and what comes back.

What comes back is anybody's text, from the form, from the address of the page or from the API: it names one of the
profiles that the person may have, or there is no server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Any

from tornado.web import HTTPError
from traitlets import List, default
from traitlets.config import Configurable

from nbops_jupyterhub.limits import amount

Profile = Mapping[str, Any]
OPTION = "profile"
# What a person reads of a sandbox.
WITHOUT = {
    "no_internet": "no internet",
    "no_loopback": "no services of the hub's machine",
    "air_gapped": "no network",
}
UNITS = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20))


class ProfilesMixin(Configurable):
    """Lets people choose among profiles, where there are any."""

    profiles = List(
        help="name, and title, description, groups, default, limits, sandbox, closing, default_url, environment."
    ).tag(config=True)

    async def get_options_form(self) -> str:
        """The form of the page on which a server starts; empty where there is nothing to choose."""
        if not self.profiles:
            return await super().get_options_form()
        may_have = offered(self.profiles, self._groups())
        if len(may_have) < 2:
            return ""
        try:
            checked = self.profile()
        except HTTPError:
            # Chosen last time, and gone since.
            checked = preferred(may_have)
        return form(may_have, checked["name"])

    @default("options_from_form")
    def _read_form(self) -> Any:
        return read_form

    @default("apply_user_options")
    def _judge(self) -> Any:
        return lambda spawner, _options: spawner.profile()

    def profile(self) -> Profile:
        """The profile of the server that starts, without a choice the default; empty where there are none.

        Raises HTTPError, which the hub shows to the person.
        """
        if not self.profiles:
            return {}
        try:
            return chosen(offered(self.profiles, self._groups()), self.user_options)
        except ValueError as error:
            raise HTTPError(400, str(error)) from None

    def get_env(self) -> dict[str, str]:
        environment, profile = super().get_env(), self.profile()
        if profile.get("default_url"):
            environment["JUPYTERHUB_DEFAULT_URL"] = profile["default_url"]
        return {**environment, **profile.get("environment", {})}

    def _groups(self) -> set[str]:
        return {group.name for group in self.user.groups}


def offered(profiles: Sequence[Profile], groups: Collection[str]) -> list[Profile]:
    """The profiles that a member of some of the hub's groups may have, in their order."""
    return [profile for profile in profiles if not profile.get("groups") or set(profile["groups"]) & set(groups)]


def preferred(may_have: Sequence[Profile]) -> Profile:
    """The profile of who chooses none."""
    return next((profile for profile in may_have if profile.get("default")), may_have[0])


def chosen(may_have: Sequence[Profile], options: Mapping[str, Any]) -> Profile:
    """The profile that options name. Raises ValueError with a sentence for the person."""
    if not may_have:
        raise ValueError("No profile of this hub is for you. Ask the administrator.")
    names = ", ".join(profile["name"] for profile in may_have)
    if set(options) - {OPTION}:
        # Not repeated: it is anybody's text.
        raise ValueError(f"A server here has the one option '{OPTION}': {names}.")
    if OPTION not in options:
        return preferred(may_have)
    for profile in may_have:
        if profile["name"] == options[OPTION]:
            return profile
    raise ValueError(f"There is no such profile for you. Choose one of: {names}.")


def read_form(data: Mapping[str, list[str]]) -> dict[str, Any]:
    """Options by name, of which a form has lists."""
    return {name: values[0] if len(values) == 1 else values for name, values in data.items()}


def form(may_have: Sequence[Profile], checked: str) -> str:
    """A group of radio buttons, which needs no JavaScript and which a screen reader reads with what each one says."""
    choices = [_choice(profile, profile["name"] == checked) for profile in may_have]
    return "\n".join(["<fieldset>", '<legend class="h4">Your server</legend>', *choices, "</fieldset>"])


def _choice(profile: Profile, is_checked: bool) -> str:
    name, title = escape(profile["name"]), escape(profile.get("title") or profile["name"])
    said = escape("; ".join(filter(None, (profile.get("description", ""), *_limits(profile)))))
    about = f' aria-describedby="profile-{name}-about"' if said else ""
    return "\n".join(
        (
            '<div class="form-check mb-3">',
            f'<input class="form-check-input" type="radio" required name="{OPTION}" id="profile-{name}" '
            f'value="{name}"{about}{" checked" if is_checked else ""}>',
            f'<label class="form-check-label" for="profile-{name}">{title}</label>',
            f'<div class="form-text" id="profile-{name}-about">{said}</div>' if said else "",
            "</div>",
        )
    )


def _limits(profile: Profile) -> list[str]:
    """What the limits and the sandbox of a profile mean for a person."""
    found, limits = [], profile.get("limits", {})
    if "memory_max" in limits:
        size = amount(limits["memory_max"])
        unit, factor = next((unit for unit in UNITS if size >= unit[1]), UNITS[-1])
        found.append(f"{size / factor:.4g} {unit} of memory")
    if "cpu_quota" in limits:
        count = amount(limits["cpu_quota"]) / 100
        found.append(f"{count:.4g} processor{'s' if count != 1 else ''}")
    return [*found, WITHOUT.get(profile.get("sandbox", ""), "")]
