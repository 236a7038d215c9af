"""Calls Classify from four threads until standard input ends, as a client configured by a service config; prints how many calls there were and
how those ended that failed."""

import base64
import collections
import sys
import threading

import grpc

addresses, config, message = sys.argv[1], sys.argv[2], base64.b64decode(sys.argv[3])
options = [
    ("grpc.service_config", config),
    # Otherwise it is the whole list, which no server has to take for a name.
    ("grpc.default_authority", "patron"),
]
channel = grpc.insecure_channel("ipv4:" + addresses, options=options)
classify = channel.unary_unary(
    "/patron.v1.ScoringService/Classify",
    request_serializer=lambda message: message,
    response_deserializer=lambda message: message,
)
ends = collections.Counter()
stopping = threading.Event()


def call():
    own = collections.Counter()
    while not stopping.wait(0.002):
        try:
            classify(message, timeout=5)
            own["OK"] += 1
        except grpc.RpcError as error:
            own[f"{error.code().name}: {error.details()}"] += 1
    ends.update(own)


threads = [threading.Thread(target=call) for _ in range(4)]
for thread in threads:
    thread.start()
sys.stdin.read()
stopping.set()
for thread in threads:
    thread.join()
print(ends.pop("OK", 0))
for end, count in ends.items():
    print(count, end)
