"""What schemathesis holds every answer against, loaded by it (SCHEMATHESIS_HOOKS)."""
import atexit
import os
import pathlib

import schemathesis

sent = [0]


@schemathesis.hook
def after_call(context, case, response):
    sent[0] += 1


@schemathesis.check
def no_failure(ctx, response, case):
    """500 is a defect of the service; what is away or refused has codes of its own, and each says which in JSON."""
    assert response.status_code != 500, "the service failed"
    # Engine.IO has an error of its own.
    own = case.method == "HEAD" or case.path.startswith(("/health", "/socket.io"))
    if response.status_code >= 400 and not own:
        assert set(response.json()) == {"error", "code"}, response.text


atexit.register(lambda: pathlib.Path(os.environ["CASES_FILE"]).write_text(str(sent[0])))
