#!/bin/sh
# The installation as the tutorials have it, in one apt transaction where they have two, and without what JupyterLab does
# not need: Node.js, and the packages that `jupyter` has beyond `jupyterlab`. PACKAGES names what apt installs.
set -eu
export DEBIAN_FRONTEND=noninteractive

apt-get -qq update
# shellcheck disable=SC2086
apt-get -qq install --yes ${PACKAGES:-python3 python3-venv python3-pip nginx}

useradd --create-home --shell /bin/bash alice
runuser -u alice -- sh -euc '
  cd
  python3 -m venv venv
  venv/bin/pip install --quiet jupyterlab
'
