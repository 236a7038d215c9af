#!/bin/sh
# A telephone script takes a value out of `a=1&b=&c=2` with Kamailio's transformation {param.value,NAME,&}.
#
# Guess: b is empty, and a and c have their values.
# Seen: one empty value hides all of them: a and c are empty too, also a, which stands before it. The log has a parse error, and the script
# goes on. A value that is never empty, or the transformation {re.subst}, avoids it.
#
# What follows: an answer whose keys are always there, some of them empty, is read by a regular expression.
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
request_route {
    $var(full) = "a=1&b=x&c=2";
    $var(gap) = "a=1&b=&c=2";
    xlog("L_ERR", "full a[$(var(full){param.value,a,&})] c[$(var(full){param.value,c,&})].\n");
    xlog("L_ERR", "gap a[$(var(gap){param.value,a,&})] c[$(var(gap){param.value,c,&})].\n");
    xlog("L_ERR", "re c[$(var(gap){re.subst,/^(.*&)?c=([^&]*).*$/\2/})].\n");
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
grep -o 'full a.*\|gap a.*\|re c.*' log | sort -u
grep -q 'full a\[1\] c\[2\]' log && grep -q 'gap a\[\] c\[\]' log && grep -q 're c\[2\]' log
