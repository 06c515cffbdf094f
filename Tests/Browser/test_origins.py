"""Pages of another origin, and pages over TLS."""
from processes import get
from stack import connect_path

# Runs in a page: what the fetch of `url` gave, as far as the page may read it.
FETCH = """async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return { status: answer.status, body: await answer.text() };
  } catch (error) { return { status: 0, body: String(error) }; }
}"""

# The first comment of a stream that is read with fetch, as programs in pages do.
FETCH_STREAM = """async ([url, body]) => {
  const answer = await fetch(url, { method: "POST", body, headers: { "Content-Type": "application/json" } });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("connected")) text += (await reader.read()).value;
  reader.cancel();
  return { status: answer.status, type: answer.headers.get("Content-Type"), text };
}"""

POST = {"method": "POST", "headers": {"Content-Type": "application/json"}}


def test_a_page_of_another_origin_reads_and_writes(stack, view):
    stack.start_comment_api().start_readers(2).start_gateway()
    video = stack.videos_at("reader-2", 1)[0]
    viewer = view(stack.gateway.url, video).wait_connected()
    assert viewer.page.evaluate("location.origin") == stack.pages.url != stack.gateway.url

    def fetch(path, **options):
        return viewer.page.evaluate(FETCH, [stack.gateway.url + path, options])

    comment = '{"userid":"writer","videoid":"%s","comment":"from a page"}' % video
    # A JSON body is sent after a preflight.
    assert fetch("/comment", body=comment, **POST)["status"] == 201
    viewer.page.wait_for_function("comments.length == 1", timeout=10_000)
    assert viewer.texts == ["from a page"]
    assert fetch(f"/history?videoid={video}")["status"] == 200

    # Refusals can be read, those of the services and the gateway's own.
    refused = fetch("/comment", body="{}", **POST)
    assert refused["status"] == 400 and "invalid_comment" in refused["body"]
    unknown = fetch("/nothing")
    assert unknown["status"] == 404 and "not_found" in unknown["body"]
    huge = fetch("/comment", body="x" * 70_000, **POST)
    assert huge["status"] in (0, 413)  # nginx may close before the whole body was sent
    away = fetch("/like", body='{"userid":"u","photoid":"p"}', method="POST", headers={"Content-Type": "text/plain"})
    assert away["status"] == 502 and "gateway_unavailable" in away["body"]

    stream = viewer.page.evaluate(
        FETCH_STREAM, [stack.gateway.url + "/connect", '{"userid":"u","videoid":"%s"}' % video])
    assert stream["status"] == 200 and stream["type"].startswith("text/event-stream")
    assert '"instance":"reader-2"' in stream["text"]


def test_more_than_six_streams_of_one_page_over_tls(stack, page):
    """Over HTTP/1.1 a browser opens six connections to one host, and everything else waits."""
    stack.start_comment_api().start_readers(1).start_gateway(tls="made")
    page.goto(f"{stack.pages.url}/blank.html")
    base = stack.gateway.tls_url
    page.evaluate("""([base, count]) => {
      window.seen = [];
      window.sources = Array.from({ length: count }, (_, number) => {
        const source = new EventSource(`${base}/connect?userid=u${number}&videoid=video-1`);
        source.onmessage = ({ data }) => { const { comment } = JSON.parse(data); if (comment) seen.push(comment); };
        return source;
      });
    }""", [base, 8])
    page.wait_for_function("sources.every((source) => source.readyState == 1)", timeout=10_000)
    answer = page.evaluate(FETCH, [base + "/comment", {
        "body": '{"userid":"writer","videoid":"video-1","comment":"to eight"}', **POST}])
    assert answer["status"] == 201
    page.wait_for_function("seen.length == 8", timeout=10_000)
    assert '"POST /comment HTTP/2.0" 201' in stack.access_log

    plain = get(f"{stack.gateway.url}{connect_path('video-1')}")
    assert plain.status == 308
    assert plain.headers["Location"].startswith(f"https://127.0.0.1:{stack.gateway.tls_port}/connect?")
