#!/bin/sh
# The shortest installation that we know of: no recommended packages, and uv in the place of pip.
set -eu
export DEBIAN_FRONTEND=noninteractive

apt-get -qq update
apt-get -qq install --yes --no-install-recommends python3 python3-venv nginx-light

useradd --create-home --shell /bin/bash alice
runuser -u alice -- sh -euc '
  cd
  python3 -m venv venv
  venv/bin/pip install --quiet uv
  venv/bin/uv pip install --quiet --python venv jupyterlab
'
