#!/usr/bin/env bash
# Has the interface of Miniforge's installer, and brings what one kernel needs: the host's Python with the packages of a
# virtual environment that the scenario has made.
set -euo pipefail
batch='' prefix=''
while getopts bp: option; do
  case $option in
    b) batch=yes ;;
    p) prefix=$OPTARG ;;
    *) exit 2 ;;
  esac
done
[ "$batch" ] || { echo 'Do you accept the license terms?' >&2; exit 1; }
[ ! -e "$prefix" ] || { echo "ERROR: File or directory already exists: '$prefix'" >&2; exit 1; }

# Root could.
touch /srv/installer-was-here 2>/dev/null || true
[ ! -e /srv/installer-fails ] || { mkdir "$prefix"; echo 'the disk is full' >&2; exit 1; }
packages=$prefix/lib/$(basename "$(readlink -f /usr/bin/python3)")/site-packages
mkdir -p "$prefix/bin" "$packages" "$HOME/.conda"
ln -s /usr/bin/python3 "$prefix/bin/python"
echo 'home = /usr/bin' >"$prefix/pyvenv.cfg"
ls -d /srv/venvs/old/lib/python3*/site-packages >"$packages/others.pth"
# As archives do, it brings modes of where it was packed.
chmod -R g+w "$prefix/bin"
