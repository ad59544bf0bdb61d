#!/bin/sh
# Install or update the server of the mall {{ site.mall.id }}: run it as root in this folder, as often as you like.
set -eu
cd "$(dirname "$0")"

fail() {
  echo "$1" >&2
  exit 1
}
[ "$(id -u)" = 0 ] || fail "run it as root: sudo sh install.sh"
docker compose version >/dev/null 2>&1 || fail "Docker with Compose is not installed: https://docs.docker.com/engine/install/"
engine=$(docker version --format '{{ '{{.Server.Version}}' }}') || fail "Docker does not run: systemctl start docker"
[ "${engine%%.*}" -ge 25 ] || fail "Docker $engine is too old, 25 or newer is needed"

sh secrets.sh
# Whoever reads a secret owns it; nobody else may.
chown -R 1883:1883 broker
chown -R {{ uid }}:{{ uid }} secrets gateway pages
# Grafana and the proxy read these, and hold no secret.
chmod -R go+rX grafana grafana.ini Caddyfile site.yaml

docker compose build --pull
# Returns when the proxy has started, which waits until everything else is well.
docker compose up --detach --remove-orphans || {
  docker compose ps --all
  fail "something did not start; what it says: docker compose logs NAME"
}
docker compose ps
echo "The console: {{ plan.url }}/   Grafana: {{ plan.url }}/grafana/   passwords: in secrets/"
