#!/bin/sh
# Write the lock files: what runs a mall (requirements.lock) and what also tests it (requirements-dev.lock).
# The second is resolved first and constrains the first, so that both hold the same versions.
# No index, host or local configuration gets in: the files hold names, versions and hashes alone.
set -eu
cd "$(dirname "$0")/.."
UV=${UV:-uv}

compile() {
  "$UV" --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-header --no-annotate --upgrade --group pyproject.toml:install "$@"
}

compile --all-extras --output-file requirements-dev.lock pyproject.toml
compile --extra edge --extra gateway --constraints requirements-dev.lock --output-file requirements.lock pyproject.toml
echo "wrote requirements.lock ($(grep -c == requirements.lock) packages)" \
  "and requirements-dev.lock ($(grep -c == requirements-dev.lock) packages)"
