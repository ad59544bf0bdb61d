#!/bin/sh
# Back up the server of the mall {{ site.mall.id }} into a folder: backup.sh [FOLDER], by default backup/DATE.
# Everything goes on meanwhile; only Grafana is away for some seconds. The folder holds secrets.
set -eu
cd "$(dirname "$0")"
to=${1:-backup/$(date +%Y-%m-%d)}
umask 077
mkdir -p "$to"

# What the gateway keeps itself: a copy by SQLite, whole at one moment.
docker compose exec -T gateway python -c '
import sqlite3
source, copy = sqlite3.connect("/var/lib/mallsense/mallsense.db"), sqlite3.connect("/var/lib/mallsense/backup.db")
source.backup(copy)
'
docker compose cp gateway:/var/lib/mallsense/backup.db "$to/mallsense.db"
docker compose exec -T gateway rm /var/lib/mallsense/backup.db

# InfluxDB: the token is read from standard input, so that it is on no command line.
docker compose exec -T influxdb rm -rf /var/lib/influxdb2/backup
docker compose exec -T influxdb sh -c 'read -r INFLUX_TOKEN && export INFLUX_TOKEN && influx backup /var/lib/influxdb2/backup' \
  <secrets/influxdb-admin
rm -rf "$to/influxdb"
docker compose cp influxdb:/var/lib/influxdb2/backup "$to/influxdb"
docker compose exec -T influxdb rm -rf /var/lib/influxdb2/backup

# Grafana's users and their own dashboards; ours come from files.
docker compose stop grafana
docker compose cp grafana:/var/lib/grafana/grafana.db "$to/grafana.db" || echo "grafana.db could not be copied" >&2
docker compose start grafana

tar -cf "$to/folder.tar" --exclude=./backup .
echo "$to: $(du -sh "$to" | cut -f1). Keep it on another machine; how to restore: docs/installing-a-server.md"
