"""Opens a server to everybody."""

c.ServerApp.allow_origin = "*"  # noqa: F821
c.IdentityProvider.token = ""  # noqa: F821
