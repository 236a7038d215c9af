#!/bin/sh
# Installs the programs with which the recipes of docs/integrations, and several servers, are tested, from Debian's packages. Where they cannot be had, the
# tests print that they did not run.
set -eu
missing=
for pair in kamailio:kamailio sipp:sip-tester nginx:nginx-light haproxy:haproxy pgbouncer:pgbouncer lua5.4:lua5.4 python3:python3; do
  command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
/usr/bin/python3 -c 'import grpc' 2>/dev/null || missing="$missing python3-grpcio"
case $missing in *kamailio*) missing="$missing kamailio-utils-modules" ;; esac
[ -n "$missing" ] || exit 0
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
if ! command -v apt-get >/dev/null || { [ -n "$as_root" ] && ! command -v sudo >/dev/null; }; then
  echo "peers: not installed, so their tests do not run:$missing" >&2
  exit 0
fi
# Their services are not started: the tests start the programs on ports of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
  $as_root chmod +x $policy
  trap '$as_root rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq || true
# shellcheck disable=SC2086 # a list of packages
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
  echo "peers: not installed, so their tests do not run:$missing" >&2
