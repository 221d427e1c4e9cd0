#!/usr/bin/env bash
# Records test/captures again: real servers and real clients of encrypted protocols in two network namespaces
# joined by a veth pair. Run as root on Debian 12. Everything that it starts or mounts lives in private mount,
# UTS, PID and network namespaces that end with it, so an interrupted run leaves nothing behind.
#
#   sudo scripts/record-captures/record.sh                      all classes into test/captures
#   sudo scripts/record-captures/record.sh -o DIR scp ftps      some classes, into another folder
#   options: --files N (6), --sessions N (per file; each class has its own default), --seed N (1)
set -euo pipefail

packages=(
  # laboratory and recording
  iproute2 iputils-ping ethtool tcpdump openssl python3 util-linux
  # https-tls12, https-tls13, http2-streaming, websocket-chat
  nginx-light curl wget nghttp2-client python3-httpx python3-h2 python3-websockets python3-websocket python3-aiohttp
  # ssh-interactive, scp
  openssh-server openssh-client dropbear-bin putty-tools sshpass
  # smtp-starttls, imap-starttls
  postfix python3-aiosmtpd swaks libnet-ssleay-perl libio-socket-ssl-perl msmtp dovecot-imapd isync
  # dns-over-tls
  unbound bind9 bind9-dnsutils knot-dnsutils python3-dnspython
  # ftps
  vsftpd python3-pyftpdlib python3-openssl lftp
  # srtp-voice
  baresip-core espeak-ng
  # wireguard
  wireguard-go wireguard-tools
)

die() { echo "record-captures: $*" >&2; exit 1; }

install_packages() {
  local package missing=() policy=/usr/sbin/policy-rc.d
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "record-captures: installing ${missing[*]}" >&2
  # The packages must not start their services on this machine: only the laboratory runs them.
  local made_policy=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >&2 ||
    { [ -z "$made_policy" ] || rm -f "$policy"; die "apt-get install failed; try 'apt-get update' first"; }
  [ -z "$made_policy" ] || rm -f "$policy"
}

# Runs inside the new namespaces, as their first process.
inside() {
  local sources=$1 output=$2
  shift 2
  mount --make-rprivate /
  mount -t tmpfs -o mode=755 tmpfs /mnt
  mkdir -p /mnt/sources /mnt/output
  mount --bind "$sources" /mnt/sources
  mount --bind "$output" /mnt/output
  # No run-time file or home folder of the host is visible to a server or reaches a capture, and nothing but the
  # output folder can be written.
  local folder
  for folder in /run /home /tmp /var/log /var/lib/dovecot /var/lib/postfix; do
    mount -t tmpfs -o mode=755 tmpfs "$folder"
  done
  chmod 1777 /tmp
  mount -o remount,bind,ro /
  hostname relay
  cd /run
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/run PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/python3 /mnt/sources/run.py --output /mnt/output "$@"
}

if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
  exit
fi

[ "$(id -u)" = 0 ] || die "root is needed: namespaces, packet capture and package installation"
sources=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
output=$sources/../../test/captures
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    -o | --output) [ $# -gt 1 ] || die "$1 needs a folder"; output=$2; shift 2 ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) arguments+=("$1"); shift ;;
  esac
done
install_packages
mkdir -p "$output"
output=$(cd "$output" && pwd)
# --kill-child: when this script ends in any way, the PID namespace ends, and with it every server and client.
unshare --mount --uts --net --ipc --pid --fork --kill-child --mount-proc \
  bash "${BASH_SOURCE[0]}" --inside "$sources" "$output" "${arguments[@]}" &
child=$!
trap 'kill -KILL "$child" 2>/dev/null || true' EXIT INT TERM
wait "$child"
