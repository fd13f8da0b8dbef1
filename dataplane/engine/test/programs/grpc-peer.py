"""gRPC by the C core of grpcio: `serve` is an h2c server, `ask PORT CA HOST` calls it through a proxy and prints what came back."""

import json
import sys
from concurrent import futures

import grpc

RAW = {"request_deserializer": None, "response_serializer": None}


def echo(request, context):
    context.send_initial_metadata((("x-initial", "1"),))
    context.set_trailing_metadata((("x-trailing", "2"), ("x-seen-bin", dict(context.invocation_metadata())["x-sent-bin"])))
    return request


def refuse(_request, context):
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for you: é")


def count(requests, _context):
    return str(sum(len(request) for request in requests)).encode()


def repeat(request, _context):
    for _ in range(100):
        yield request


def chat(requests, _context):
    for request in requests:
        yield b"re: " + request


def wait(_request, context):
    gone = futures.Future()
    if not context.add_callback(lambda: gone.set_result(None)):
        return b""
    gone.result()
    return b""


METHODS = {
    "Echo": grpc.unary_unary_rpc_method_handler(echo, **RAW),
    "Refuse": grpc.unary_unary_rpc_method_handler(refuse, **RAW),
    "Count": grpc.stream_unary_rpc_method_handler(count, **RAW),
    "Repeat": grpc.unary_stream_rpc_method_handler(repeat, **RAW),
    "Chat": grpc.stream_stream_rpc_method_handler(chat, **RAW),
    "Wait": grpc.unary_unary_rpc_method_handler(wait, **RAW),
}


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Peer", METHODS),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return ["OK", ""]


def ask(port, ca, host):
    with open(ca, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    options = (("grpc.ssl_target_name_override", host), ("grpc.default_authority", host))
    with grpc.secure_channel("127.0.0.1:" + port, credentials, options) as channel:
        body, call = channel.unary_unary("/test.Peer/Echo").with_call(b"x" * 1_000_000, metadata=(("x-sent-bin", b"\0\xff"),))
        chat_call = channel.stream_stream("/test.Peer/Chat")(iter([b"a", b"b"]))
        answer = {
            "unary": len(body),
            "initial": dict(call.initial_metadata())["x-initial"],
            "trailing": dict(call.trailing_metadata())["x-trailing"],
            "binary": dict(call.trailing_metadata())["x-seen-bin"].hex(),
            "refused": failure(lambda: channel.unary_unary("/test.Peer/Refuse")(b"")),
            "unknown": failure(lambda: channel.unary_unary("/test.Peer/Nothing")(b""))[0],
            "client_stream": channel.stream_unary("/test.Peer/Count")(b"y" * 50_000 for _ in range(40)).decode(),
            "server_stream": sum(len(part) for part in channel.unary_stream("/test.Peer/Repeat")(b"z" * 20_000)),
            "chat": [part.decode() for part in chat_call],
            "deadline": failure(lambda: channel.unary_unary("/test.Peer/Wait")(b"", timeout=0.3))[0],
        }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else ask(*sys.argv[2:])
