# shellcheck shell=bash
# Sourced by every script: where things are, and the environment that the tools share.
set -euo pipefail

# The collection is linked to from below: by that path, a link would lead to itself.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=$ROOT/.cache
export COLLECTION=$CACHE/collections/ansible_collections/nbops/jupyter
export CA_BUNDLE=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

export PATH=$ROOT/.venv/bin:$CACHE/uv/bin:$PATH
export CONTAINERS_CONF=$CACHE/containers.conf
export ANSIBLE_CONFIG=$ROOT/ansible.cfg
export ANSIBLE_HOME=$CACHE/ansible
export ANSIBLE_COLLECTIONS_PATH=$CACHE/collections
export MOLECULE_GLOB='molecule/*/molecule.yml'
# Not beside the sources; without any, each of the thousands of Python processes would compile what it imports.
export PYTHONPYCACHEPREFIX=$CACHE/pycache
unset PYTHONDONTWRITEBYTECODE
# What hypothesis remembers of Unicode between runs.
export HYPOTHESIS_STORAGE_DIRECTORY=$CACHE/hypothesis

# What a caller's shell has activated must not leak into the locked environment.
unset VIRTUAL_ENV PYTHONPATH

# Test hosts whose sandbox is real, and the packages that run them, need root.
[ "$(id -u)" -eq 0 ] || [ "${AS_CALLER:-}" = yes ] || exec sudo -- "$0" "$@"

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }
