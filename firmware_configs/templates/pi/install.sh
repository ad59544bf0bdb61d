#!/bin/sh
# Make this Raspberry Pi the node {{ node.id }} of {{ site.mall.id }}: sudo sh install.sh [--check] [--root DIR]
#
#   --root DIR   install into a card that is in the reader: DIR is where its root partition is mounted
#   --check      say what would change, and change nothing
#
# It copies what differs, takes away what it once brought and no longer does, and restarts what is concerned. It may
# be run as often as you like. It never touches the spool.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=""
check=no

die() {
  echo "install.sh: $1" >&2
  exit 1
}
while [ $# -gt 0 ]; do
  case $1 in
    --root)
      [ $# -gt 1 ] || die "--root: which folder?"
      root=${2%/}
      shift
      ;;
    --check) check=yes ;;
    *)
      sed -n '2,8s/^# \{0,1\}//p' "$0"
      exit 2
      ;;
  esac
  shift
done

# Is everything here, and is this the right place for it?
(cd "$here" && sha256sum --quiet --check SHA256SUMS) || die "this folder is damaged: copy or render it again"
[ "$check" = yes ] || [ "$(id -u)" = 0 ] || die "needs to be root: sudo sh $0"
[ -f "$root/etc/os-release" ] || die "${root:-/}: no Linux system; mount the card's root partition and name its folder"
[ -x "$root/usr/bin/python3" ] || [ -L "$root/usr/bin/python3" ] || die "${root:-/}: has no Python 3"
[ -x "$root/usr/bin/systemctl" ] || die "${root:-/}: has no systemd; a node is Raspberry Pi OS Lite (64-bit)"
if [ -z "$root" ] && [ "$(getconf LONG_BIT)" != 64 ]; then
  die "this is a 32-bit system: write Raspberry Pi OS Lite (64-bit) to the card"
fi
wheels=$root/opt/mallsense/wheels
[ -d "$here/wheels" ] || [ -d "$wheels" ] ||
  die "there are no packages here: render with --wheels (make wheels fetches them)"

# Files: a mode and a path a line. Each is written beside the old one and put into its place as a whole.
mine=$root/usr/local/lib/mallsense/MANIFEST
changed=""
while read -r mode path; do
  target=$root/$path
  if cmp -s "$here/root/$path" "$target" && [ "$(stat -c %a "$target")" = "$mode" ]; then
    continue
  fi
  changed="$changed $path"
  echo "writing  /$path"
  [ "$check" = no ] || continue
  mkdir -p "$(dirname "$target")"
  install -m "$mode" "$here/root/$path" "$target.new"
  mv -f "$target.new" "$target"
done <"$here/MANIFEST"
if [ -f "$mine" ]; then
  while read -r mode path; do
    if ! grep -q " $path\$" "$here/MANIFEST" && [ -e "$root/$path" ]; then
      changed="$changed $path"
      echo "removing /$path"
      if [ "$check" = no ]; then
        rm -f "$root/$path"
        case $path in
          etc/hostapd/*.conf)
            name=${path#etc/hostapd/}
            systemctl ${root:+--root="$root"} --quiet disable "hostapd@${name%.conf}.service"
            [ -n "$root" ] || systemctl stop "hostapd@${name%.conf}.service"
            ;;
        esac
      fi
    fi
  done <"$mine"
fi

# Packages.
if [ -d "$here/wheels" ] && ! cmp -s "$here/wheels/SHA256SUMS" "$wheels/SHA256SUMS"; then
  changed="$changed opt/mallsense/wheels"
  echo "writing  /opt/mallsense/wheels"
  if [ "$check" = no ]; then
    mkdir -p "$root/opt/mallsense"
    rm -rf "$wheels.new"
    cp -R "$here/wheels" "$wheels.new"
    rm -rf "$wheels"
    mv "$wheels.new" "$wheels"
    chmod -R u=rwX,go=rX "$wheels"
  fi
fi

if [ -z "$changed" ]; then
  echo "Nothing to do: this is {{ node.id }} already."
  exit 0
fi
if [ "$check" = yes ]; then
  echo "Nothing was changed (--check)."
  exit 0
fi
install -m 644 "$here/MANIFEST" "$mine"
chmod 750 "$root/etc/mallsense"
sync

systemctl ${root:+--root="$root"} --quiet enable {{ units | join(' ') }}
if [ -e "$root/usr/lib/systemd/system/systemd-time-wait-sync.service" ]; then
  systemctl ${root:+--root="$root"} --quiet enable systemd-time-wait-sync.service
fi
if [ -n "$root" ]; then
  echo "The card is ready: {{ node.id }}. Put it into the Pi; the first start takes two minutes."
  exit 0
fi
systemctl daemon-reload
udevadm control --reload
if systemctl --quiet is-active NetworkManager; then
  systemctl reload NetworkManager
fi
systemctl restart systemd-journald mallsense-setup
systemctl --no-block restart mallsense-programs # may wait long for a network
systemctl restart {{ units[2:] | join(' ') }}
echo "This is {{ node.id }} now. Restart the Pi once, so that adapters get their names: sudo reboot"
