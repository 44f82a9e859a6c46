"""What this collection adds to JupyterHub; a part of the hub's release."""
