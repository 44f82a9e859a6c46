"""Who gets in: people whom the administrator lists, and those whom the authenticator lets in at this very login.

A record in the hub is no permission (allow_existing_users is off): every login makes one, so whom a provider's rule
let in once would stay in after they left. Who is listed is said by the hub's Unix group, which the module
jupyterhub_users keeps while the hub runs.
"""

from __future__ import annotations

from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.auth import Authenticator, PAMAuthenticator
from jupyterhub.handlers.login import LoginHandler
from jupyterhub.utils import maybe_future
from tornado.web import HTTPError
from traitlets import Bool, Dict, Unicode
from traitlets.config import Configurable
from traitlets.utils.importstring import import_item

from nbops_jupyterhub import audit, names
from nbops_jupyterhub.accounts import is_listed, is_made, password_hash, uid_of

Model = dict[str, Any]
# As browsers say it. A person's page below the hub's name is of the same site.
ELSEWHERE = ("cross-site", "same-site")


class NameThere(str):
    """What people are called where they log in, until we know what they are called here."""


class ListedAuthenticator(Configurable):
    """Our rules, for a class that comes from elsewhere."""

    account_group = Unicode(help="Unix group of the people who are listed.").tag(config=True)
    accounts = Dict(help="Names there to names here.").tag(config=True)
    audit_identifier = Unicode(help="What the audit's lines are called in the journal; empty for none.").tag(
        config=True
    )
    ignore_case = Bool(False, help="Whether no two people have names there that differ in case alone.").tag(config=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Who was let in since the hub started.
        self.admitted: set[str] = set()

    def normalize_username(self, username: str) -> str:
        """The name here. JupyterHub's own username_map would also map names that are one already."""
        if username in self.accounts and isinstance(username, NameThere):
            return self.accounts[username]
        # Before it is lower-cased: the Kelvin sign would become a k, and be somebody else.
        if problem := names.problem(username):
            raise HTTPError(403, problem)
        name = super().normalize_username(username)
        if not isinstance(username, NameThere):
            return name
        if name not in self.accounts and name in self.accounts.values():
            raise HTTPError(403, f"On this host {name} is somebody else. Ask the administrator for a name.")
        if name != username and not self.is_same(username, name):
            raise HTTPError(
                403,
                f"{username} would become {name} here, and {name} may be somebody else. Ask the administrator for a "
                "name, or write yours in small letters.",
            )
        return self.accounts.get(name, name)

    def is_same(self, there: str, name: str) -> bool:
        """Whether a name there, and the same in lower case, are one person's."""
        return self.ignore_case

    async def covers(self, name: str) -> bool:
        """Whether a user may have a server: the list has them, or the hub made their account when they were let in."""
        is_ours = is_listed(name, self.account_group) or is_made(name, self.account_group)
        return is_ours and name not in self.blocked_users

    async def get_authenticated_user(self, handler: Any, data: Any) -> Model | None:
        # The API gives a token for a password. The limits of logins know the login page alone.
        if isinstance(handler, APIHandler):
            raise HTTPError(403, "Log in at the login page.")
        # A page elsewhere would log its reader in as somebody else. Browsers tell where a request comes from.
        is_form = isinstance(handler, LoginHandler) and handler.request.method == "POST"
        if is_form and handler.request.headers.get("Sec-Fetch-Site") in ELSEWHERE:
            raise HTTPError(403, "Log in at the hub's own page.")
        found = None
        try:
            found = await super().get_authenticated_user(handler, data)
        finally:
            audit.note_login(handler, data, found)
        if found:
            self.admitted.add(found["name"])
        return found

    async def check_allowed(self, username: str, authentication: Model | None = None) -> bool:
        # The class is asked first: it may refuse, by an exception, a person whom it cannot vouch for.
        allowed = await maybe_future(super().check_allowed(username, authentication))
        return bool(allowed) or is_listed(username, self.account_group)

    async def refresh_user(self, user: Any, handler: Any = None, **named: Any) -> bool | Model:
        """Where the provider was asked again, which needs auth_state, its answer counts as at a login."""
        model = await maybe_future(super().refresh_user(user, handler, **named))
        if not isinstance(model, dict):
            return model
        welcome = await maybe_future(self.check_blocked_users(user.name, model))
        if not welcome or not (self.allow_all or await self.check_allowed(user.name, model)):
            return False
        self.admitted.add(user.name)
        return model


class OAuthNames:
    def user_info_to_username(self, user_info: Model) -> str:
        return NameThere(super().user_info_to_username(user_info))

    async def check_allowed(self, username: str, authentication: Model) -> bool:
        # A provider, as GitHub about an organization, is asked about the name there.
        there = self.user_info_to_username(authentication["auth_state"][self.user_auth_state_key])
        allowed = await maybe_future(super().check_allowed(there, authentication))
        return bool(allowed) or username in self.allowed_users


class FormNames:
    async def authenticate(self, handler: Any, data: Model | None = None, **named: Any) -> str | Model | None:
        found = await maybe_future(super().authenticate(handler, data, **named))
        if isinstance(found, dict):
            return {**found, "name": NameThere(found["name"])}
        return found and NameThere(found)


class HostNames:
    """People are called there what their accounts are called here, so the rule can be asked about any of them."""

    async def covers(self, name: str) -> bool:
        allowed = self.allow_all or await maybe_future(self.check_allowed(name))
        return bool(allowed) and name not in self.blocked_users

    def is_same(self, there: str, name: str) -> bool:
        return uid_of(there) in (None, uid_of(name))

    async def authenticate(self, handler: Any, data: Model, **named: Any) -> str | Model | None:
        """PAM knows accounts as the host writes them, so it gets small letters for a name that is no other account."""
        there = data["username"]
        if not names.problem(there) and self.is_same(there, there.lower()):
            data = {**data, "username": there.lower()}
        return await super().authenticate(handler, data, **named)


class NativeLogin(LoginHandler):
    """NativeAuthenticator's page by JupyterHub's handler; its own handler asks for what JupyterHub 6 no longer has."""

    def render_template(self, name: str, **values: Any) -> Any:
        if name == "login.html":
            name = "native-login.html"
            values["enable_signup"] = self.authenticator.enable_signup
            values["two_factor_auth"] = self.authenticator.allow_2fa
        return super().render_template(name, **values)


class NativeAdmission:
    """Nobody who signs up is let in because of their name, as NativeAuthenticator does with users that it knows of.

    Who is listed with a hash of bcrypt has that password from the beginning, also in this list of people who signed up:
    the first administrator, who authorizes the others, is one.
    """

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        return [(path, NativeLogin if path == "/login" else handler) for path, handler in super().get_handlers(app)]

    def get_authed_users(self) -> set[str]:
        from nativeauthenticator.orm import UserInfo

        return {person.username for person in UserInfo.all_users(self.db) if person.is_authorized}

    def get_user(self, username: str) -> Any:
        from nativeauthenticator.orm import UserInfo

        found, name = super().get_user(username), self.normalize_username(username)
        if found is None and is_listed(name, self.account_group):
            password = password_hash(name)
            if password.startswith("$2b$"):
                found = UserInfo(username=name, password=password.encode(), is_authorized=True)
                self.db.add(found)
                self.db.commit()
        return found


def with_our_rules(path: str) -> type[Authenticator]:
    """The class of this path with our rules; by its name, under which its options are."""
    base = import_item(path)
    if hasattr(base, "user_info_to_username"):
        others: tuple[type, ...] = (OAuthNames,)
    else:
        others = (FormNames, NativeAdmission) if hasattr(base, "get_authed_users") else (FormNames,)
    first = (HostNames,) if issubclass(base, PAMAuthenticator) else ()
    return type(base.__name__, (*first, ListedAuthenticator, *others, base), {})
