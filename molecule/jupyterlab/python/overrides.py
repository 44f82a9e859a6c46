"""Opens a server to everybody."""

c.ServerApp.allow_origin = "*"
c.IdentityProvider.token = ""
