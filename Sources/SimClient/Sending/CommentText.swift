/// The text of a simulated comment: `<shard>.<number> t=<µs since 1970>+<µs> lorem…`.
///
/// When it was sent, and how long after it was due, travels in the text, so that whoever receives the comment can say how
/// long it took since either.
enum CommentText {
    /// With the members around the text, a frame then has about 150 bytes.
    static let bytesDefault = 30
    static let bytesMax = 2000

    private static let filler = Array(
        "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore ".utf8)

    /// The text, padded with words to `bytes` bytes (at least as many as the stamp needs, at most 2,000).
    static func text(shard: Int, number: Int, sent: SendTime, bytes: Int) -> String {
        var text = Array("\(shard).\(number) t=\(sent.at)+\(max(sent.late, 0))".utf8)
        let wanted = min(bytes, bytesMax)
        if text.count < wanted { text.append(UInt8(ascii: " ")) }
        while text.count < wanted {
            text.append(contentsOf: filler.prefix(wanted - text.count))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// When a comment was sent.
    struct SendTime: Equatable, Sendable {
        /// µs since 1970.
        var at: Int64
        /// µs since it was due.
        var late: Int64 = 0
    }

    /// What the beginning of a simulated comment says.
    struct Stamp: Equatable, Sendable {
        var shard: Int
        /// Counts the comments of a shard from 1.
        var number: Int
        var sent: SendTime
    }

    /// When the comment in the JSON bytes of an event was sent; `nil` when it does not say.
    static func sendTime(in bytes: UnsafeRawBufferPointer) -> SendTime? { stamp(in: bytes)?.sent }

    /// The stamp of the comment in the JSON bytes of an event; `nil` for a person's comment.
    ///
    /// No JSON is parsed: a comment's text is the first place behind `"comment":"`, and no id can contain a quote.
    static func stamp(in bytes: UnsafeRawBufferPointer) -> Stamp? {
        guard var index = bytes.behind("\"comment\":\""), let shard = bytes.number(at: &index),
            bytes.skip(".", at: &index), let number = bytes.number(at: &index), bytes.skip(" t=", at: &index),
            let at = bytes.number(at: &index), bytes.skip("+", at: &index), let late = bytes.number(at: &index)
        else { return nil }
        return Stamp(shard: shard, number: number, sent: SendTime(at: Int64(at), late: Int64(late)))
    }

    /// A digest of a text, never 0: 64-bit FNV-1a.
    static func digest(of text: String) -> UInt64 { digest(text.utf8) }

    /// The same of the comment in the JSON bytes of an event; 1, which no text of ours has, when there is none.
    static func digest(in bytes: UnsafeRawBufferPointer) -> UInt64 {
        guard let start = bytes.behind("\"comment\":\""),
            let end = bytes.firstIndex(of: UInt8(ascii: "\""), from: start)
        else { return 1 }
        return digest(bytes[start..<end])
    }

    private static func digest(_ bytes: some Sequence<UInt8>) -> UInt64 {
        max(bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }, 2)
    }
}
