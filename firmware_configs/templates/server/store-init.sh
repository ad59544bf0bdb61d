#!/bin/sh
# What the mall needs of InfluxDB, made and checked: store-init.sh [--check | --shorten | --renew], docs/influxdb.md.
# After --renew: docker compose restart gateway grafana
set -eu
cd "$(dirname "$0")"
exec docker compose run --rm --no-deps store-init {{ store_init_shell }} "$@"
