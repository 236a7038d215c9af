#!/bin/sh
# Functions of a Kamailio script return numbers: http_client_query returns the HTTP status, and a route what its `return` names.
#
# Guess: `if (route(FIVE) == 5)` is true, as `$rc` is 5 after route(FIVE).
# Seen: within an expression any positive number counts as 1. `route(FIVE) == 5` is false and `route(FIVE) == 1` is true, so that
# `http_client_query(...) != 200` is always true and a script never uses its answer. No warning is printed.
#
# What follows: call first, then compare $rc.
#
# Version: Kamailio 5.6.3 (Debian 12, kamailio 5.6.3-2). Exits 0 if the behaviour is as described.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
cd "$place"
apt-get download -qq kamailio=5.6.3-2 libpcre3 libreadline8 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" .; done
libraries=$place/usr/lib/x86_64-linux-gnu/kamailio
export LD_LIBRARY_PATH="$libraries:$place/lib/x86_64-linux-gnu:$place/usr/lib/x86_64-linux-gnu"
cat > kamailio.cfg <<'CFG'
#!KAMAILIO
children=1
listen=udp:127.0.0.1:25061
log_stderror=yes
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "sl.so"
loadmodule "textops.so"
route[FIVE] {
    return 5;
}
request_route {
    if (route(FIVE) == 5) {
        xlog("L_ERR", "compared with 5: true.\n");
    } else {
        xlog("L_ERR", "compared with 5: false.\n");
    }
    if (route(FIVE) == 1) {
        xlog("L_ERR", "compared with 1: true.\n");
    }
    route(FIVE);
    xlog("L_ERR", "returned [$rc].\n");
    sl_send_reply("200", "OK");
    exit;
}
CFG
"$place/usr/sbin/kamailio" -L "$libraries/modules" -f kamailio.cfg -Y "$place" -DD -E 2> log > /dev/null &
kamailio=$!
trap 'kill "$kamailio" 2>/dev/null; wait "$kamailio" 2>/dev/null; rm -rf "$place"' EXIT
python3 - <<'PYTHON'
import socket
import sys

peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.bind(("127.0.0.1", 0))
peer.settimeout(0.2)
request = (
    "OPTIONS sip:127.0.0.1:25061 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{};branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
).format(peer.getsockname()[1])
for _ in range(100):
    peer.sendto(request.encode(), ("127.0.0.1", 25061))
    try:
        peer.recv(4096)
        sys.exit(0)
    except OSError:
        pass
sys.exit("Kamailio does not answer")
PYTHON
"$place/usr/sbin/kamailio" -v 2>/dev/null | head -n 1 || true
grep -o 'compared with.*\|returned.*' log | sort -u
grep -q 'compared with 5: false' log && grep -q 'compared with 1: true' log && grep -q 'returned \[5\]' log
