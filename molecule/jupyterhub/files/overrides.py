"""Takes away what the security of a hub rests on, each option by another of the classes that have it."""

c.JupyterHub.cleanup_servers = True  # noqa: F821
c.Authenticator.allow_all = True  # noqa: F821
c.SystemdSpawner.unit_extra_properties = {"PrivateTmp": "no"}  # noqa: F821
c.JupyterHub.services.append({"name": "mine", "admin": True})  # noqa: F821
