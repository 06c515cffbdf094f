"""One page of the app, as a person sees it."""
from processes import wait_until

STATUS = "document.querySelector('.status')?.dataset.status"
# What a page of ours may write to the console: answers that a test asked for.
ALLOWED = ("Failed to load resource", "Service Worker registration blocked")
# Marks when the status changed and what came on the stream; before any script of the page.
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    violations.push(`${violatedDirective} ${blockedURI}`));
"""


class AppPage:
    def __init__(self, stack, context, video=None, name=None, path="/"):
        self.stack = stack
        self.video = video
        self.page = context.new_page()
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._said(message))
        self.page.add_init_script(WATCH)
        if name:
            self.page.add_init_script(
                f"localStorage.getItem('chorus.name') ?? localStorage.setItem('chorus.name', '{name}')")
        self.page.goto(stack.gateway.url + (f"/watch/{video}" if video else path))

    def _said(self, message):
        if message.type in ("error", "warning") and not message.text.startswith(ALLOWED):
            self.complaints.append(message.text)

    @property
    def status(self):
        return self.page.evaluate(STATUS)

    def wait_status(self, status, seconds=15):
        wait_until(lambda: self.status == status, lambda: f"status {status}, is {self.status}", seconds)
        return self

    def wait_live(self, seconds=15):
        return self.wait_status("live", seconds)

    @property
    def texts(self):
        return self.page.eval_on_selector_all(".row.comment .text", "all => all.map((one) => one.textContent)")

    def wait_text(self, text, seconds=10):
        wait_until(lambda: text in self.texts, lambda: f"'{text}' among {self.texts[-5:]}", seconds)
        return self

    def say(self, text):
        self.page.fill("#message", text)
        self.page.press("#message", "Enter")
        return self

    def evaluate(self, script, *arguments):
        return self.page.evaluate(script, *arguments)

    def wait_for(self, script, what, seconds=10):
        return wait_until(lambda: self.page.evaluate(script), what, seconds)

    def assert_quiet(self):
        """No error, no warning, nothing that the policy blocked."""
        assert self.complaints == []
        assert self.page.evaluate("window.violations") == []
