import Testing

@testable import SimClient

/// Reads `bytes` in the given portions and puts the payload together.
private func read(_ portions: [[UInt8]]) throws -> (heads: [ResponseHead], payload: [UInt8], hasEnded: Bool) {
    var reader = ResponseScanner()
    var heads: [ResponseHead] = []
    var payload: [UInt8] = []
    for portion in portions {
        try portion.withUnsafeBytes { bytes in
            var cursor = 0
            while let part = try reader.next(in: bytes, from: &cursor) {
                switch part {
                case .head(let head): heads.append(head)
                case .body(let range): payload.append(contentsOf: bytes[range])
                }
            }
        }
    }
    return (heads, payload, reader.hasEnded)
}

private func failure(of text: String) -> ResponseScanner.Malformed? {
    do {
        _ = try read([Array(text.utf8)])
        return nil
    } catch {
        return error as? ResponseScanner.Malformed
    }
}

@Suite struct ResponseScannerTests {
    static let chunked =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1A;name=value\r\nabcdefghijklmnopqrstuvwxyz\r\n"
        + "0\r\nTrailer: x\r\n\r\n"
    static let counted = "HTTP/1.1 201 Created\r\ncontent-length: 11\r\n\r\nhello world"
    static let open = "HTTP/1.0 200 OK\r\n\r\nuntil the end\r\n\r\n"

    @Test(arguments: [
        (chunked, "helloabcdefghijklmnopqrstuvwxyz", true), (counted, "hello world", true),
        (open, "until the end\r\n\r\n", false),
    ])
    func findsThePayloadWhereverTheBytesAreCut(text: String, payload: String, ends: Bool) throws {
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            let result = try read([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(result.heads.count == 1)
            #expect(String(decoding: result.payload, as: UTF8.self) == payload, "cut at \(cut)")
            #expect(result.hasEnded == ends)
        }
        #expect(try read(bytes.map { [$0] }).payload == Array(payload.utf8))
    }

    @Test func readsWhatAViewerNeedsFromTheHead() throws {
        let text =
            "HTTP/1.1 307 Temporary Redirect\r\nLocation:  http://reader-2:4000/connect \r\nRETRY-AFTER: 7\r\n"
            + "Connection: close\r\nContent-Length: 0\r\n\r\n"
        let result = try read([Array(text.utf8)])
        #expect(
            result.heads == [
                ResponseHead(
                    status: 307, location: "http://reader-2:4000/connect", retryAfterSeconds: 7, framing: .length(0),
                    keepsAlive: false)
            ])
        #expect(result.hasEnded)
    }

    @Test(arguments: [
        ("HTTP/2 200 OK\r\n\r\n", ResponseScanner.Malformed.statusLine),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", .statusLine),
        ("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", .header),
        ("HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n", .contentLength),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", .chunkSize),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", .chunkSize),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", .chunkSize),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", .chunkEnd),
        ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 20_000), .headTooLong),
    ])
    func refusesWhatIsNoResponse(text: String, expected: ResponseScanner.Malformed) {
        #expect(failure(of: text) == expected)
    }

    @Test(arguments: [
        ("1", "", true), ("1", "Connection: keep-alive\r\n", true), ("1", "connection: Close\r\n", false),
        ("1", "Connection: upgrade, close\r\n", false), ("0", "", false),
        ("0", "Connection: Keep-Alive\r\n", true),
    ])
    func knowsWhatEndsTheConnection(minor: String, header: String, keepsAlive: Bool) throws {
        let text = "HTTP/1.\(minor) 200 OK\r\n\(header)Content-Length: 0\r\n\r\n"
        #expect(try read([Array(text.utf8)]).heads.map(\.keepsAlive) == [keepsAlive])
    }
}
