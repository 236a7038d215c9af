"""A grpc.aio server that returns the bytes of a file, from a dict, whatever is asked; prints its port. Needs grpcio."""

import asyncio
import sys

import grpc


async def main() -> None:
    answers = {}
    with open(sys.argv[1], "rb") as file:
        answers["key"] = file.read()

    async def classify(request: bytes, _: grpc.aio.ServicerContext) -> bytes:
        return answers["key"]

    handler = grpc.unary_unary_rpc_method_handler(classify)
    service = grpc.method_handlers_generic_handler(
        "patron.v1.ScoringService", {"Classify": handler}
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


asyncio.run(main())
