"""WebSocket by python3-websockets: `serve` echoes, `ask PORT CA HOST` talks to it through a proxy and prints what came back."""

import asyncio
import json
import ssl
import sys

import websockets


async def echo(socket):
    async for message in socket:
        if message == "close":
            await socket.close(4000, "as asked")
            return
        await socket.send(message)


async def serve():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None, subprotocols=["chat"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


async def ask(port, ca, host):
    context = ssl.create_default_context(cafile=ca)
    url = f"wss://{host}/room?x=1"
    async with websockets.connect(
        url, host="127.0.0.1", port=int(port), server_hostname=host, ssl=context, max_size=None, subprotocols=["chat"]
    ) as socket:
        await socket.send("héllo")
        text = await socket.recv()
        await socket.send(bytes(range(256)) * 8192)
        binary = await socket.recv()
        pong = await socket.ping()
        await pong
        await socket.send(["in ", "fragments"])
        fragments = await socket.recv()
        await socket.send("close")
        await socket.wait_closed()
    answer = {
        "text": text,
        "binary": binary == bytes(range(256)) * 8192,
        "fragments": fragments,
        "subprotocol": socket.subprotocol,
        "extensions": [extension.name for extension in socket.extensions],
        "close": [socket.close_code, socket.close_reason],
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1] == "serve" else ask(*sys.argv[2:]))
