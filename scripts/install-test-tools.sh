#!/bin/sh
# Install the programs the tests run against: MQTT broker, InfluxDB, browser, tshark, what a node's files are for.
# Where that is not allowed, say what will be skipped and go on; under CI it is an error.
set -eu

missing=""
# need PACKAGE PROGRAM...: the package, unless one of the programs is there
need() {
  package=$1
  shift
  for program in "$@"; do
    ! command -v "$program" >/dev/null || return 0
    [ ! -x "/usr/sbin/$program" ] || return 0
  done
  missing="$missing $package"
}
need mosquitto mosquitto
need influxdb influxd
need victoria-metrics victoria-metrics
need caddy caddy
need chromium chromium chromium-browser google-chrome
need tshark tshark
need hostapd hostapd
need iproute2 ip
need shellcheck shellcheck
need network-manager NetworkManager
need systemd systemd-analyze
need udev udevadm
need util-linux unshare
need wget wget
missing=${missing# }
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
  as_root="sudo -n"
  sudo -n true 2>/dev/null || as_root="no"
fi
if command -v apt-get >/dev/null && [ "$as_root" != no ]; then
  echo "installing for the tests: $missing"
  # A mirror that stalls must not hold up the tests for ever.
  apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o Dpkg::Use-Pty=0"
  # shellcheck disable=SC2086 # words on purpose
  if $apt update && $apt install -y --no-install-recommends $missing >/dev/null; then
    exit 0
  fi
fi

echo "cannot install $missing here: the tests that need it will be skipped." >&2
echo "To run them: install $missing with your system's package manager, then run 'make test' again." >&2
[ "${CI:-}" != true ]
