import Testing

@testable import SimClient

/// `#expect` cannot call what changes its subject.
private func check(_ holds: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(holds, sourceLocation: sourceLocation)
}

struct AnswerScannerTests {
    private func receive(_ text: String, _ scanner: inout AnswerScanner) -> AnswerScanner.Outcome {
        receive(Array(text.utf8)[...], &scanner)
    }

    private func receive(_ bytes: ArraySlice<UInt8>, _ scanner: inout AnswerScanner) -> AnswerScanner.Outcome {
        bytes.withUnsafeBytes { scanner.receive($0) }
    }

    @Test func findsTheEndHoweverItIsCut() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        // By bytes: to a string, CRLF is one character.
        let bytes = Array(whole.utf8)
        for cut in bytes.indices {
            var scanner = AnswerScanner()
            if cut > 0 { check(receive(bytes[..<cut], &scanner) == .incomplete) }
            check(receive(bytes[cut...], &scanner) == .answer(status: 200, keepsAlive: true))
            // And again on the same connection.
            check(receive(whole, &scanner) == .answer(status: 200, keepsAlive: true))
        }
    }

    @Test func knowsWhatEndsTheConnection() {
        var scanner = AnswerScanner()
        let text = "HTTP/1.1 503 No\r\nConnection: close\r\ncontent-length: 0\r\n\r\n"
        check(receive(text, &scanner) == .answer(status: 503, keepsAlive: false))
    }

    @Test(arguments: [
        "hello\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    ])
    func nothingElseIsTaken(text: String) {
        var scanner = AnswerScanner()
        check(receive(text, &scanner) == .malformed)
    }
}
