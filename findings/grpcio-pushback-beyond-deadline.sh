#!/bin/sh
# A server that is overloaded may tell clients when to come back (`grpc-retry-pushback-ms`, gRFC A6).
#
# Guess: a call whose deadline passes before that moment ends at once with the server's own status, since no retry can come in time.
# Seen: with a retry policy, grpcio (gRPC core) sleeps until the deadline and then reports DEADLINE_EXCEEDED; the server's UNAVAILABLE, its
# message and its details are lost, and the caller has waited for nothing. With a pushback of -1 ("do not retry"), or without a policy, the
# server's status arrives at once.
#
# What follows: a server sends a pushback only where it fits into the caller's deadline, else -1.
#
# Version: grpcio 1.85.1 (PyPI). Exits 0 if the behaviour is as described.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1
"$place/venv/bin/python" - <<'PYTHON'
import json
import sys
import time
from concurrent import futures

import grpc

PUSHBACK_MS = {"late": "5000", "never": "-1"}
DEADLINE = 1.0
POLICY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.01s",
                "maxBackoff": "0.1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


def busy(request, context):
    kind = request.decode()
    context.set_trailing_metadata((("grpc-retry-pushback-ms", PUSHBACK_MS[kind]),))
    context.abort(grpc.StatusCode.UNAVAILABLE, "busy")


handler = grpc.unary_unary_rpc_method_handler(busy)
server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", {"C": handler}),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()


def call(kind, options):
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        start = time.monotonic()
        try:
            channel.unary_unary("/a.B/C")(kind.encode(), timeout=DEADLINE)
        except grpc.RpcError as error:
            return error.code().name, round(time.monotonic() - start, 2)


retries = [("grpc.service_config", json.dumps(POLICY))]
seen = {
    "pushback after the deadline, retry policy": call("late", retries),
    "pushback after the deadline, no policy": call("late", []),
    "pushback -1, retry policy": call("never", retries),
}
server.stop(None)
print("grpcio", grpc.__version__)
for what, (code, seconds) in seen.items():
    print(f"{what}: {code} after {seconds} s")
code, seconds = seen.pop("pushback after the deadline, retry policy")
as_described = code == "DEADLINE_EXCEEDED" and seconds >= 0.9 * DEADLINE
as_described &= all(code == "UNAVAILABLE" and seconds < 0.5 * DEADLINE for code, seconds in seen.values())
sys.exit(0 if as_described else 1)
PYTHON
