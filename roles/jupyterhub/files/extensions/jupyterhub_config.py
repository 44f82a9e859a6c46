"""Configuration of the hub: what config.json says, the secrets that systemd hands to the service as credentials, and
the administrator's own Python, which comes last and was judged when it was deployed."""

import json
import os
import pathlib

from nbops_jupyterhub import address, audit, python_config
from nbops_jupyterhub.authenticator import with_our_rules

address.take_over()
credentials = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"])


def secret(name: str) -> str:
    return (credentials / name).read_text().strip()


c = get_config()  # noqa: F821  # pylint: disable=undefined-variable  # JupyterHub defines it for this file
python_config.fill(c, json.loads((credentials / "config.json").read_text()))

c.JupyterHub.cookie_secret_file = str(credentials / "cookie_secret")
c.ConfigurableHTTPProxy.auth_token = secret("proxy_token")
c.RunningTraefikProxy.traefik_api_password = secret("proxy_token")
if (credentials / "crypt_key").exists():
    c.CryptKeeper.keys = [secret("crypt_key")]
# A service that the hub starts itself gets a token from the hub; the others have one of ours.
for service in c.JupyterHub.services:
    if (credentials / f"{service['name']}_token").exists():
        service["api_token"] = secret(f"{service['name']}_token")

if c.JupyterHub.authenticator_class.startswith("nativeauthenticator."):
    import nativeauthenticator

    pages = pathlib.Path(nativeauthenticator.__file__).parent / "templates"
    c.JupyterHub.template_paths = [*c.JupyterHub.template_paths, str(pages)]
c.JupyterHub.authenticator_class = with_our_rules(c.JupyterHub.authenticator_class)

if c.JupyterHub.spawner_class.startswith("nbops_jupyterhub.slurm."):
    from nbops_jupyterhub import slurm

    slurm.turn_on(c.SlurmSpawner.hub_name)

if c.ListedAuthenticator.audit_identifier:
    audit.turn_on(c, c.ListedAuthenticator.audit_identifier)

for path, text in python_config.drop_ins(credentials):
    python_config.run(c, path, text)
