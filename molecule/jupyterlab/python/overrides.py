"""Opens a server to everybody."""
# pylint: disable=undefined-variable  # Jupyter defines c

c.ServerApp.allow_origin = "*"
c.IdentityProvider.token = ""
