"""Takes away what the security of a hub rests on, each option by another of the classes that have it."""
# pylint: disable=undefined-variable  # Jupyter defines c

c.JupyterHub.cleanup_servers = True
c.Authenticator.allow_all = True
c.SystemdSpawner.unit_extra_properties = {"PrivateTmp": "no"}
c.JupyterHub.services.append({"name": "mine", "admin": True})
