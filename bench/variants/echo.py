"""A bare WebSocket echo in plain ASGI: each message goes to every socket at the same path, nothing else happens."""

from collections import defaultdict

rooms = defaultdict(set)


async def application(scope, receive, send):
    room = rooms[scope["path"]]
    await receive()
    await send({"type": "websocket.accept"})
    room.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            for each in room:
                await each({"type": "websocket.send", "text": message["text"]})
    finally:
        room.discard(send)
