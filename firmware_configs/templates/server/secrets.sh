#!/bin/sh
# Make the server's passwords and tokens: one file each, made once, here, and readable by its owner alone.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 700 secrets
{# InfluxDB's operator token is ours to choose: store-init sets the server up with it. #}
for name in {{ made | join(" ") }}; do
  [ -s "secrets/$name" ] || head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >"secrets/$name"
done
# InfluxDB gives these two; store-init writes them. Until then they are empty, so that they can be mounted.
for name in {{ given | join(" ") }}; do
  [ -e "secrets/$name" ] || : >"secrets/$name"
done
