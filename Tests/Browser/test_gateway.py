"""The gateway by itself: which routes it knows, what it follows, what it refuses and how."""
import http.client
import os
import socket
import subprocess
import threading

import pytest
from processes import Gateway, free_port, get, request, wait_until
from stack import connect_path

EVENT_SOURCE = {"Accept": "text/event-stream"}


def open_stream(url, method="GET", path="/connect", body=None, headers=None):
    """The answer's head, and its first event as lines."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    headers = {"Content-Type": "application/json", **(headers or {})} if body else headers or {}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    lines = []
    while answer.status == 200:
        line = answer.readline().decode().rstrip("\n")
        if not line:
            break
        lines.append(line)
    return connection, answer, lines


def assert_error(answer, status, code):
    assert (answer.status, answer.json["code"]) == (status, code), answer
    assert set(answer.json) == {"error", "code"}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"]


def echo(handler):
    if handler.path.startswith("/connect"):
        handler.reply(200, b"data: {}\n\n", Content_Type="text/event-stream")
    else:
        handler.reply(200, b"{}", Content_Type="application/json", X_Request_ID="of-the-service")


def unused():
    return f"127.0.0.1:{free_port()}"


def run_gateway(command, **settings):
    environment = {**os.environ, **{f"GATEWAY_{name.upper()}": value for name, value in settings.items()}}
    return subprocess.run(["sh", Gateway.script, command], env=environment, capture_output=True, text=True, timeout=10)


@pytest.mark.parametrize("name, value", [
    ("readers", "reader-1"), ("readers", "a:1; include /etc/passwd"), ("readers", "a:1=http://b:1/\"x"),
    ("social_apis", "social"), ("auth", "yes"), ("auth", "optional"), ("media", "/tmp/nothing"), ("media", "web; root /"), ("readers", "a:1\nb:2"), ("comment_apis", "a:1 weight=3"), ("port", "0"), ("port", "65536"), ("tls", "yes"),
    ("folder", "/tmp/a b"), ("app", "/tmp/nothing"), ("app", "web; root /"), ("access_log", "/tmp/log; x"),
    ("resolver", "127.0.0.11 valid=1s"), ("trusted_proxies", "10.0.0.0/8; allow all")])
def test_settings_are_checked(name, value):
    """They go into nginx's configuration: what is not what it says would be a directive."""
    result = run_gateway("render", **{name: value})
    assert (result.returncode, result.stdout) == (64, "") and f"GATEWAY_{name.upper()}" in result.stderr


def test_the_http_part_goes_into_an_nginx_of_ones_own(tmp_path):
    """As Debian's package has it, with settings of its own in the http block."""
    part = run_gateway("render", readers="127.0.0.1:4001=https://reader-1.example/live [::1]:4002")
    assert part.returncode == 0, part.stderr
    (tmp_path / "chorus.conf").write_text(part.stdout)
    (tmp_path / "nginx.conf").write_text(f"""
        pid {tmp_path}/pid; error_log stderr;
        events {{ worker_connections 768; }}
        http {{
            sendfile on; tcp_nopush on; types_hash_max_size 2048; include /etc/nginx/mime.types;
            default_type application/octet-stream; ssl_protocols TLSv1.2; gzip on; access_log {tmp_path}/access.log;
            include {tmp_path}/*chorus.conf;
        }}""")
    result = subprocess.run(["nginx", "-t", "-e", "stderr", "-p", tmp_path, "-c", tmp_path / "nginx.conf"],
                            capture_output=True, text=True, timeout=10)
    assert result.returncode == 0, result.stderr


def test_every_public_route_reaches_its_service(stack):
    stack.start_comment_api().start_like_api().start_stats_api().start_readers(1).start_gateway()
    base = stack.gateway.url
    posted = stack.comment("video-1", "hello", base)
    assert posted.status == 201
    assert get(f"{base}/history?videoid=video-1").json["comments"][0]["comment"] == "hello"
    removal = request("DELETE", f"{base}/comment/{posted.json['comment']['id']}?userid=writer&videoid=video-1")
    assert removal.status == 200
    like = {"userid": "u1", "photoid": "p1"}
    assert request("POST", f"{base}/like", like).json["count"] == 1
    assert get(f"{base}/v1/likes/p1").json["count"] == 1
    assert request("POST", f"{base}/unlike", like).json["count"] == 0
    assert request("POST", f"{base}/v1/likes", {"user_id": "u1", "post_id": "p1"}).json["liked"] is True
    assert get(f"{base}/locate?videoid=video-1").json["instance"] == "reader-1"
    # A ticket is a Reader's, not SocialAPI's; here nobody has a token to get one for.
    assert_error(request("POST", f"{base}/api/stream-tickets"), 401, "authentication_required")
    assert "subscriptionSpread" in get(f"{base}/statistics").json
    assert get(f"{base}/health").json == {"status": "ok", "service": "gateway"}
    preflight = request("OPTIONS", f"{base}/comment", headers={
        "Origin": "http://page.example", "Access-Control-Request-Method": "POST"})
    assert preflight.status == 204
    assert preflight.headers.get_all("Access-Control-Allow-Origin") == ["*"]


@pytest.mark.parametrize("path", [
    "/watch/", "/watch/a/b", "/app/../metrics", "/metrics", "/health/ready", "/comment-api-statistics",
    "/reader-api-statistics", "/client-statistics",
    "/connect/", "/connect/more", "/commentary", "/v1", "/v1/../metrics", "/v1/%2e%2e/metrics", "/v1/..%2fmetrics",
    "/statistics/", "/gateway/bad_request", "/nothing?a=b"])
def test_everything_else_is_not_found(stack, serve, path):
    service = serve(echo)
    stack.start_gateway(comment_apis=service.address, like_apis=service.address, stats_apis=service.address,
                        readers=service.address)
    for method in ["GET", "POST"]:
        connection = http.client.HTTPConnection("127.0.0.1", stack.gateway.port, timeout=5)
        connection.putrequest(method, path)  # as it is: urllib would tidy it up
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, b"not_found" in answer.read()) == (404, True)
        connection.close()
    assert service.requests == []


def test_a_social_api_is_there_when_it_is_named(stack, serve):
    service = serve(echo)
    stack.start_gateway(comment_apis=unused(), readers=unused())
    base = stack.gateway.url
    assert_error(get(f"{base}/api/users/1"), 404, "not_found")
    stack.gateway.set(social_apis=[unused(), service.address])
    stack.gateway.reload()
    wait_until(lambda: get(f"{base}/api/users/1").status == 200, "the SocialAPI is there")
    for method, path in [("GET", "/api/posts?has=photo"), ("POST", "/api/users/login"), ("DELETE", "/api/posts/a%3Ab")]:
        answer = request(method, base + path, {} if method == "POST" else None, {"Cookie": "a=b"})
        assert answer.status == 200 and answer.headers.get_all("X-Request-ID") != ["of-the-service"]
        seen = service.requests[-1]
        assert (seen.command, seen.path, seen.headers["Cookie"]) == (method, path, "a=b")
    for path in ["/api", "/apis/", "/api/../metrics", "/api/%2e%2e/metrics"]:
        connection = http.client.HTTPConnection("127.0.0.1", stack.gateway.port, timeout=5)
        connection.putrequest("GET", path)
        connection.endheaders()
        assert connection.getresponse().status == 404, path
        connection.close()
    stack.gateway.set(social_apis=unused())
    stack.gateway.reload()
    answer = wait_until(lambda: (away := request("POST", f"{base}/api/posts", {})).status != 200 and away, "it is away")
    assert_error(answer, 502, "gateway_unavailable")


def test_media_are_files_that_cannot_run(stack, tmp_path):
    media = tmp_path / "media"
    (media / "ab").mkdir(parents=True)
    (media / "ab/cd.webp").write_bytes(b"RIFF")
    (media / "page.html").write_text("<script>alert(1)</script>")
    # nginx's workers run as another user when it is started by root.
    for folder in [media, *list(tmp_path.parents)[:3], tmp_path]:
        folder.chmod(0o755)
    stack.start_gateway(comment_apis=unused(), readers=unused())
    base = stack.gateway.url
    assert_error(get(f"{base}/media/ab/cd.webp"), 404, "not_found")
    stack.gateway.set(media=media)
    stack.gateway.reload()
    picture = wait_until(lambda: (answer := get(f"{base}/media/ab/cd.webp")).status == 200 and answer, "media")
    assert picture.body == b"RIFF" and picture.headers["Content-Type"] == "image/webp"
    assert picture.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    page = get(f"{base}/media/page.html")
    assert page.headers["Content-Type"] == "application/octet-stream"
    for answer in [picture, page]:
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["X-Request-ID"]
    for path in ["/media/", "/media/ab/", "/media/ab", "/media/nothing.webp", "/media/../metrics"]:
        assert get(base + path).status in (301, 403, 404), path
    missing = get(f"{base}/media/nothing.webp")
    assert_error(missing, 404, "not_found")
    assert "Cache-Control" not in missing.headers
    assert_error(request("POST", f"{base}/media/ab/cd.webp", {}), 405, "method_not_allowed")


def test_refusals_of_the_gateway_have_the_services_shape(stack, serve):
    service = serve(echo)
    stack.start_gateway(comment_apis=unused(), stats_apis=service.address, readers=unused())
    base = stack.gateway.url
    assert_error(get(f"{base}/nothing"), 404, "not_found")
    assert_error(request("POST", f"{base}/statistics", {}), 405, "method_not_allowed")
    assert request("POST", f"{base}/statistics", {}).headers["Allow"] == "GET, HEAD, OPTIONS"
    assert_error(get(f"{base}/history?videoid={'v' * 9000}"), 414, "uri_too_long")
    assert_error(get(f"{base}/history", {"X": "y" * 9000}), 400, "bad_request")
    for path in ["/comment", "/connect"]:
        with socket.create_connection(("127.0.0.1", stack.gateway.port)) as connection:
            connection.sendall(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n".encode())
            head = connection.recv(4096).decode()
            assert head.startswith("HTTP/1.1 413") and "body_too_large" in head
    away = get(f"{base}/history?videoid=v")
    assert_error(away, 502, "gateway_unavailable")
    assert away.headers["Retry-After"] == "1"
    assert_error(get(base + connect_path("v")), 502, "gateway_unavailable")
    assert service.requests == []


def test_an_event_source_is_told_to_come_back(stack):
    """An answer other than 200 would be the last that it asks for."""
    stack.start_gateway(readers=[unused(), unused()])
    answers = [get(stack.gateway.url + connect_path("v"), {**EVENT_SOURCE, "Origin": "http://page.example"})
               for _ in range(20)]
    for answer in answers:
        assert answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert b"event: reconnect\ndata: {" in answer.body and answer.body.endswith(b"\n\n")
    waits = {int(answer.body.split(b"\n")[0].removeprefix(b"retry: ")) for answer in answers}
    assert len(waits) > 1 and waits <= set(range(1000, 3001))


def test_a_redirect_keeps_method_body_and_last_event_id(stack):
    stack.start_comment_api().start_readers(2).start_gateway()
    video = stack.videos_at("reader-2", 1)[0]
    posted = [stack.comment(video, text).json["comment"] for text in ["first", "second", "third"]]
    resume = {"Last-Event-ID": f"{posted[0]['offset']}.{posted[0]['epoch']}"}
    body = '{"userid":"poster","videoid":"%s"}' % video
    ways = [("POST", "/connect", body), ("GET", connect_path(video, "poster"), None)]
    for method, path, payload in [ways[0]] * 3 + [ways[1]] * 3:
        connection, answer, lines = open_stream(stack.gateway.url, method, path, payload, resume)
        assert answer.status == 200
        assert '"userid":"poster"' in lines[-1] and '"instance":"reader-2"' in lines[-1]
        events = "".join(answer.readline().decode() for _ in range(6))
        assert "first" not in events and "second" in events and "third" in events
        connection.close()
    # Some of each were sent on.
    log = wait_until(lambda: stack.access_log.count(" /connect") == 6 and stack.access_log, "six lines in the log")
    for method, _, _ in ways:
        lines = [line for line in log.splitlines() if f'"{method} /connect' in line]
        assert len(lines) == 3 and "upstream_status=307 : 200" in " ".join(lines)


def test_a_reader_that_is_not_ours_is_not_followed(stack, serve):
    """Were it, whoever controls an answer could reach everything that the gateway reaches."""
    stranger = serve(echo)
    mine = serve(echo)
    for location in [f"http://{stranger.address}/connect?hop=1", f"http://{mine.address}@{stranger.address}/connect?a",
                     f"http://{mine.address}/metrics?hop=1", f"http://{mine.address}.example/connect?hop=1",
                     f"http://{mine.address}/connect?a b", "/connect?hop=1", "http:///connect?"]:
        def redirect(handler, location=location):
            if "hop=2" in handler.path:
                echo(handler)
            else:
                handler.reply(307, b"{}", Location=location)
        first = serve(redirect)
        stack.start_gateway(readers=first.address + f"=http://{mine.address}")
        answer = get(stack.gateway.url + connect_path("v"))
        assert (answer.status, answer.body) == (200, b"data: {}\n\n"), location
        assert first.requests[-1].path == connect_path("v") + "&redirect=follow&hop=2"
        stack.gateway.stop()
    assert stranger.requests == mine.requests == []


def test_a_dead_readers_viewers_go_where_its_channels_go_next(stack):
    """The others send them to it for up to 4 s more. Served wherever they ask, they would make a subscription each."""
    stack.start_readers(4).start_gateway()
    video = stack.videos_at("reader-2", 1)[0]
    stack.readers["reader-2"].kill()
    viewers = [open_stream(stack.gateway.url, path=connect_path(video)) for _ in range(12)]
    assert "reader-2" == stack.place(video), "the others know that it died: this showed nothing"
    wait_until(lambda: stack.place(video) != "reader-2", "the dead Reader is forgotten")
    for connection, answer, lines in viewers:
        assert answer.status == 200 and f'"instance":"{stack.place(video)}"' in lines[-1]
        connection.close()


def test_a_reader_that_cannot_be_reached_is_named_to_the_next(stack, serve):
    dead = unused()
    named = []

    def redirect(handler):
        if "avoid=" not in handler.path:
            return handler.reply(307, b"{}", Location=f"http://{dead}/base/connect?hop=1")
        named.append(handler.path)
        return echo(handler)
    first = serve(redirect)
    stack.start_gateway(readers=[first.address, f"{dead}=http://{dead}/base"])
    for _ in range(4):
        assert get(stack.gateway.url + connect_path("v")).status == 200
    assert len(named) == 4 and set(named) == {
        f"{connect_path('v')}&redirect=follow&avoid=http://{dead}/base"}


def test_the_public_url_of_a_reader_stands_for_its_address(stack, serve):
    """As with docker-compose: the URL is one that only viewers reach."""
    target = serve(echo)
    location = "http://reader.example:4002/connect?userid=u&hop=1"
    first = serve(lambda handler: handler.reply(307, b"{}", Location=location))
    stack.start_gateway(readers=[
        f"{first.address}=http://reader.example:4001", f"{target.address}=http://reader.example:4002"])
    for _ in range(10):
        assert get(stack.gateway.url + connect_path("v")).status == 200
    assert {seen.path for seen in target.requests} >= {"/connect?userid=u&hop=1"}


def test_a_reader_that_redirects_forever_is_left(stack, serve):
    server = serve(lambda handler: handler.reply(307, b"{}", Location=f"http://{server.address}/connect?hop=1"))
    stack.start_gateway(readers=server.address)
    assert get(stack.gateway.url + connect_path("v"), EVENT_SOURCE).status == 200
    assert get(stack.gateway.url + connect_path("v")).status == 502
    assert len(server.requests) < 30


def test_a_refusal_of_one_reader_is_not_the_last_word(stack, serve):
    """One that drains or is full refuses; another one has a place."""
    refusal = b'{"error":"full","code":"too_many_connections"}'
    full = serve(lambda handler: handler.reply(503, refusal, Content_Type="application/json", Retry_After="1"))
    other = serve(echo)
    stack.start_gateway(readers=[full.address, other.address])
    for _ in range(10):
        assert get(stack.gateway.url + connect_path("v")).status == 200
    assert full.requests
    stack.gateway.set(readers=full.address)
    stack.gateway.stop()
    stack.gateway.start()
    # All refuse: a program sees why, an EventSource is told to come back.
    answer = get(stack.gateway.url + connect_path("v"))
    assert (answer.status, answer.body, answer.headers["Retry-After"]) == (503, refusal, "1")
    assert get(stack.gateway.url + connect_path("v"), EVENT_SOURCE).status == 200


def test_a_full_reader_is_not_the_last_word_for_an_event_source(stack):
    """By itself it would tell an EventSource to come back, which the gateway could not tell from a stream."""
    stack.start_reader("reader-1", PLACEMENT="random", READER_CONNECTIONS_MAX="1")
    stack.start_reader("reader-2", PLACEMENT="random")
    connection, _, _ = open_stream(stack.readers["reader-1"].url, path=connect_path("v"))
    stack.start_gateway()
    for _ in range(6):
        viewer, answer, lines = open_stream(stack.gateway.url, path=connect_path("v"), headers=EVENT_SOURCE)
        assert answer.status == 200 and '"instance":"reader-2"' in lines[-1]
        viewer.close()
    connection.close()


def test_what_a_client_says_of_itself_does_not_count(stack, serve):
    service = serve(echo)
    stack.start_gateway(comment_apis=service.address)
    url = f"{stack.gateway.url}/history?videoid=a%3Ab"
    answer = get(url, {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1", "X-Forwarded-Proto": "https",
                       "X-Request-ID": "request-of-mine-1"})
    seen = service.requests[-1]
    assert seen.path == "/history?videoid=a%3Ab"
    assert seen.headers.get_all("X-Forwarded-For") == ["127.0.0.1"]
    assert seen.headers.get_all("X-Forwarded-Proto") == ["http"]
    assert "Forwarded" not in seen.headers
    assert seen.headers["X-Request-ID"] == "request-of-mine-1"
    assert answer.headers.get_all("X-Request-ID") == ["request-of-mine-1"]
    get(url, {"X-Request-ID": "short"})
    assert len(service.requests[-1].headers["X-Request-ID"]) == 32
    get(url, {"X-Request-ID": 'quo"te and space'})
    assert len(service.requests[-1].headers["X-Request-ID"]) == 32


def test_a_trusted_balancer_says_whom_it_speaks_for(stack, serve):
    """Behind a balancer everybody has its address. The last address that is no balancer's counts: what a client wrote stands
    before that."""
    service = serve(echo)
    chain = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9, 10.1.2.3"}
    stack.start_gateway(comment_apis=service.address, trusted_proxies="127.0.0.0/8 10.0.0.0/8")
    get(f"{stack.gateway.url}/history?videoid=v1", chain)
    assert service.requests[-1].headers.get_all("X-Forwarded-For") == ["203.0.113.9"]
    stack.gateway.set(trusted_proxies="192.0.2.0/24")
    stack.gateway.reload()

    def nobody_is_trusted():
        get(f"{stack.gateway.url}/history?videoid=v1", chain)
        return service.requests[-1].headers.get_all("X-Forwarded-For") == ["127.0.0.1"]

    wait_until(nobody_is_trusted, "the reload")


def test_the_systems_name_server_is_asked():
    named = [line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver ")]
    result = run_gateway("render", resolver="system")
    if named:
        assert result.returncode == 0, result.stderr
    else:
        assert result.returncode == 64 and "/etc/resolv.conf" in result.stderr


def test_a_dead_instance_is_left_out(stack, serve):
    service = serve(echo)
    stack.start_gateway(comment_apis=[unused(), service.address])
    for _ in range(20):
        assert request("POST", f"{stack.gateway.url}/comment", {"userid": "u"}).status == 200


def test_a_comment_is_never_sent_twice(stack, serve):
    """The service may have stored it before its connection broke."""
    def hang_up(handler):
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)
    servers = [serve(hang_up), serve(hang_up)]
    stack.start_gateway(comment_apis=[server.address for server in servers],
                        like_apis=[server.address for server in servers])
    assert_error(request("POST", f"{stack.gateway.url}/comment", {"userid": "u"}), 502, "gateway_unavailable")
    assert sum(len(server.requests) for server in servers) == 1
    # A like may be repeated: whoever likes twice likes once.
    request("POST", f"{stack.gateway.url}/like", {"userid": "u"})
    assert sum(len(server.requests) for server in servers) == 3


def test_connections_from_one_address_are_bounded(stack, serve):
    released = threading.Event()

    def hold(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(b"data: {}\n\n")
        released.wait(20)
        handler.close_connection = True
    server = serve(hold)
    stack.start_gateway(readers=server.address, connections_per_address=3)
    connections = [open_stream(stack.gateway.url, path=connect_path("v")) for _ in range(3)]
    assert [answer.status for _, answer, _ in connections] == [200] * 3
    assert_error(get(stack.gateway.url + connect_path("v")), 429, "too_many_connections")
    answer = get(stack.gateway.url + connect_path("v"), EVENT_SOURCE)
    assert answer.status == 200 and b"event: reconnect" in answer.body
    released.set()
    for connection, _, _ in connections:
        connection.close()


def test_the_app_is_served_and_can_be_left_out(stack):
    stack.start_gateway(comment_apis=unused(), readers=unused())
    base = stack.gateway.url
    for path in ["/", "/settings", "/watch/video1", "/watch/a.B_9-:"]:
        page = get(base + path, {"Accept-Encoding": "gzip"})
        assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Content-Encoding"] == "gzip" and page.headers["Cache-Control"] == "no-cache"
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none';") and "require-trusted-types-for 'script'" in policy
        assert "unsafe" not in policy and "data:" not in policy
    script = get(base + "/app/main.js")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert script.headers["X-Content-Type-Options"] == "nosniff"
    assert get(base + "/app/main.js", {"If-None-Match": script.headers["ETag"]}).status == 304
    assert get(base + "/app/fonts/karla.woff2").headers["Content-Type"] == "font/woff2"
    shell = get(base + "/app/shell.js").body.decode()
    assert '"/app/main.js"' in shell and '"/app/settings.js"' in shell and "version" in shell
    assert get(base + "/app/settings.js").body == b'export const auth = "off";\n'
    assert_error(get(base + "/app/nothing.js"), 404, "not_found")
    assert_error(request("POST", base + "/app/main.js", {}), 405, "method_not_allowed")
    # Whether people sign in is a version of its own.
    stack.gateway.set(auth="required", social_apis=unused())
    stack.gateway.reload()
    wait_until(lambda: get(base + "/app/settings.js").body == b'export const auth = "required";\n', "it asks")
    assert get(base + "/app/shell.js").body.decode() != shell
    stack.gateway.set(app="off")
    stack.gateway.reload()
    wait_until(lambda: get(base + "/").status == 404, "the app is gone")
    assert_error(get(base + "/app/main.js"), 404, "not_found")
