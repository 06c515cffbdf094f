"""POST /comment: keep in memory, emit through the Redis manager, as a process that is no Socket.IO server does. One
process, so that its counters give every comment its place."""
import datetime
import json
import os
import re
import secrets

import socketio
import uvicorn

HISTORY_LENGTH = 1000
TEXT_LENGTH_MAX = 2000
IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,128}")

epoch = secrets.token_hex(3)
channels = {}  # videoid -> [offset, comments]
manager = socketio.AsyncRedisManager(os.environ["REDIS_URL"], write_only=True)


def store(comment):
    channel = channels.setdefault(comment["videoid"], [0, []])
    channel[0] += 1
    channel[1].append(comment)
    if len(channel[1]) > 2 * HISTORY_LENGTH:
        del channel[1][:HISTORY_LENGTH]
    return channel[0]


def is_right(body):
    texts = [body.get(name) for name in ("userid", "videoid", "comment")] if isinstance(body, dict) else [None]
    return (all(isinstance(text, str) for text in texts) and all(IDENTIFIER.fullmatch(name) for name in texts[:2])
            and 0 < len(texts[2]) <= TEXT_LENGTH_MAX)


async def comment(body):
    try:
        body = json.loads(body)
    except ValueError:
        body = None
    if not is_right(body):
        return 400, {"error": "userid, videoid or comment is missing or invalid", "code": "invalid_comment"}
    # 26 characters, so that frames are as long as those of the other peers.
    stored = {
        **{name: body[name] for name in ("userid", "videoid", "comment")},
        "timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z",
        "id": secrets.token_hex(13)}
    offset = store(stored)
    room = f"video:{body['videoid']}"
    await manager.emit("comment", (stored, {"channel": room, "position": f"{offset}.{epoch}"}), room=room)
    return 201, {"success": True, "comment": {**stored, "offset": offset, "epoch": epoch}}


async def application(scope, receive, send):
    body, more = b"", scope["type"] == "http"
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if (scope["method"], scope["path"]) == ("POST", "/comment"):
        status, answer = await comment(body)
    else:
        status, answer = (200, {}) if scope["path"].startswith("/health") else (404, {})
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


if __name__ == "__main__":
    uvicorn.run(
        application, host=os.environ["HOST"], port=int(os.environ["PORT"]), log_level="warning", access_log=False,
        lifespan="off")
