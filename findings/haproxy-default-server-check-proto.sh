#!/bin/sh
# HAProxy reaches gRPC servers over HTTP/2 without TLS (`proto h2`); their health pages are HTTP/1.1 on another port (`check port`, `check-proto h1`).
# All servers have the same settings, so they are written once, in `default-server`.
#
# Guess: what `default-server` accepts holds for every server: the checks are HTTP/1.1.
# Seen: `proto h2` and `check` hold, `check-proto h1` does not, without a warning. The checks are HTTP/2, and every server is down. On the
# `server` line the same word works.
#
# What follows: the documented configuration repeats `check-proto h1` on each server line.
#
# Version: HAProxy 2.6.12 (Debian 12, haproxy 2.6.12-1+deb12u4). Exits 0 if the behaviour is as described.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
apt-get download -qq haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 libopentracing1 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" .; done
export LD_LIBRARY_PATH="$place/usr/lib/x86_64-linux-gnu:$place/lib/x86_64-linux-gnu"
cat > page.py <<'PYTHON'
import http.server


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
with open("port", "w") as file:
    file.write(str(server.server_port))
server.serve_forever()
PYTHON
python3 page.py &
page=$!
trap 'kill "$page" 2>/dev/null; rm -rf "$place"' EXIT
while ! [ -s port ]; do sleep 0.1; done
# What the check of a server finds, with these words in default-server and on the line of the server.
check() {
  cat > haproxy.cfg <<CFG
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    timeout check 1s
frontend entry
    bind $place/entry.sock
    default_backend servers
backend servers
    option httpchk GET /
    default-server inter 300ms fall 1 $1
    server one 127.0.0.1:9 $2
CFG
  timeout 3 "$place/usr/sbin/haproxy" -db -f haproxy.cfg > log 2>&1 || true
  if grep -q 'Server servers/one is DOWN' log; then echo down; else echo up; fi
}
on_line=$(check "proto h2" "check port $(cat port) check-proto h1")
as_default=$(check "proto h2 check-proto h1" "check port $(cat port)")
echo "check-proto h1 on the server line: $on_line; in default-server: $as_default"
[ "$on_line" = up ] && [ "$as_default" = down ]
