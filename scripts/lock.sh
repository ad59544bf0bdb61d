#!/bin/sh
# Write the lock files: what runs a mall (requirements.lock), what also tests it (requirements-dev.lock), what a node
# installs (requirements-node.lock), and a node with cameras (requirements-camera.lock). The second is resolved first
# and constrains the others: one version for all.
# No index, host or local configuration gets in: the files hold names, versions and hashes alone.
set -eu
cd "$(dirname "$0")/.."
UV=${UV:-uv}

compile() {
  "$UV" --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-header --no-annotate --upgrade "$@" pyproject.toml
}

compile --all-extras --group install --group node --output-file requirements-dev.lock
compile --extra edge --extra fleet --extra grafana --extra influx --extra crm --group install --constraints requirements-dev.lock \
  --output-file requirements.lock
compile --extra edge --group node --constraints requirements-dev.lock --output-file requirements-node.lock
compile --extra camera --group node --constraints requirements-dev.lock --output-file requirements-camera.lock
for lock in requirements.lock requirements-dev.lock requirements-node.lock requirements-camera.lock; do
  echo "wrote $lock ($(grep -c == "$lock") packages)"
done
