#!/bin/sh
# Install the packages of a lock file, then the project itself, into a virtual environment: install.sh LOCK VENV
# Every package is checked against its hash. uv (itself from the lock) does in 6 s what takes pip 25 to 50 s;
# pip does it where uv cannot, say where only pip has been told of a mirror.
set -eu
cd "$(dirname "$0")/.."
lock=$1
venv=$2
python=$venv/bin/python
pip="$python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps"

echo "installing the packages of $lock into $venv"
sed -n '/^uv==/,/[^\\]$/p' "$lock" >"$venv/uv.lock"
# shellcheck disable=SC2086 # words on purpose
if $pip --require-hashes -r "$venv/uv.lock" &&
  "$venv/bin/uv" pip install --quiet --python "$python" --no-deps --require-hashes -r "$lock"; then
  install="$venv/bin/uv pip install --quiet --python $python --no-deps"
else
  echo "uv could not; pip takes a minute longer"
  $pip --require-hashes -r "$lock"
  install=$pip
fi
# First and by itself, so that one sees what it does. Who only runs a mall reads no plates.
case $lock in *dev*) "$python" hatch_build.py ;; *) "$python" hatch_build.py console ;; esac
$install --no-build-isolation --editable .
