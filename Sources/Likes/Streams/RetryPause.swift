/// How long to wait after one failure, and after the next: doubled each time, up to a limit. Pure.
struct RetryPause {
    private let first: Duration
    private let longest: Duration
    private var next: Duration

    init(first: Duration = .milliseconds(100), longest: Duration = .seconds(5)) {
        self.first = first
        self.longest = longest
        next = first
    }

    mutating func failed() -> Duration {
        defer { next = min(longest, next * 2) }
        return next
    }

    mutating func succeeded() { next = first }
}
