import CHiredis

/// What hiredis's reader reports while it parses: every element once, in order, arrays before their elements.
///
/// Subclasses put together what they need; nothing is allocated on the C side.
class ReplyBuilder {
    /// Where an element stands in its array.
    struct Place {
        let index: Int
        /// How many elements the array has.
        let count: Int
    }

    enum StringKind {
        case bulk, status, error
    }

    /// A bulk string, simple string or error. `bytes` is valid during the call. `place` is `nil` outside of any array.
    func string(_ bytes: UnsafeRawBufferPointer, kind: StringKind, at place: Place?) {}
    func integer(_ value: Int64, at place: Place?) {}
    func null(at place: Place?) {}
    func array(count: Int, at place: Place?) {}
}

/// hiredis's incremental reader (`hiredis/read.h`, 0.14) around a ``ReplyBuilder``. Belongs to one event loop.
final class ReplyReader {
    /// hiredis moves the rest of its buffer to the front after each kilobyte read; small pieces keep that copy small.
    /// With whole 64 KiB reads it copied thirty times the bytes received.
    private static let pieceBytes = 8192

    /// A reply that has not ended after this many bytes is refused: nothing in this project comes near it.
    static let replyBytesMax = 256 << 20

    private let builder: ReplyBuilder
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let reader: UnsafeMutablePointer<redisReader>

    /// - Throws: `notConnected` when memory is out.
    init(builder: ReplyBuilder) throws(RedisError) {
        functions = .allocate(capacity: 1)
        functions.initialize(to: Self.makeFunctions())
        guard let reader = redisReaderCreateWithFunctions(functions) else {
            functions.deallocate()
            throw RedisError(.notConnected, "no memory for a reply reader")
        }
        self.builder = builder
        self.reader = reader
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
        reader.pointee.maxbuf = 1 << 20
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Parses `bytes`; what is whole has gone to the builder on return, and `replied` was called after each reply.
    func feed(_ bytes: UnsafeRawBufferPointer, replied: () throws(RedisError) -> Void) throws(RedisError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.pieceBytes))
            rest = rest.dropFirst(Self.pieceBytes)
            guard redisReaderFeed(reader, piece.baseAddress, piece.count) == REDIS_OK else { throw failure }
            try drain(replied)
            guard reader.pointee.len - reader.pointee.pos <= Self.replyBytesMax else {
                throw RedisError(.protocolViolation, "a reply is over \(Self.replyBytesMax) bytes")
            }
        }
    }

    private func drain(_ replied: () throws(RedisError) -> Void) throws(RedisError) {
        while true {
            var reply: UnsafeMutableRawPointer?
            guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw failure }
            guard reply != nil else { return }
            try replied()
        }
    }

    private var failure: RedisError {
        // Only the kind: hiredis quotes received bytes in its text.
        RedisError(.protocolViolation, "the reply is not RESP2 (reader error \(reader.pointee.err))")
    }
}

extension ReplyReader {
    /// What the callbacks return: hiredis wants a non-null pointer for an element, and never looks behind it.
    private static var element: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: 1) }

    private static func makeFunctions() -> redisReplyObjectFunctions {
        redisReplyObjectFunctions(
            createString: { task, text, length in
                guard let task else { return nil }
                let kind: ReplyBuilder.StringKind =
                    switch task.pointee.type {
                    case REDIS_REPLY_STATUS: .status
                    case REDIS_REPLY_ERROR: .error
                    default: .bulk
                    }
                let bytes = UnsafeRawBufferPointer(start: text, count: length)
                ReplyReader.builder(of: task)?.string(bytes, kind: kind, at: ReplyReader.place(of: task))
                return ReplyReader.element
            },
            createArray: { task, count in
                guard let task else { return nil }
                ReplyReader.builder(of: task)?.array(count: Int(count), at: ReplyReader.place(of: task))
                return ReplyReader.element
            },
            createInteger: { task, value in
                guard let task else { return nil }
                ReplyReader.builder(of: task)?.integer(value, at: ReplyReader.place(of: task))
                return ReplyReader.element
            },
            createNil: { task in
                guard let task else { return nil }
                ReplyReader.builder(of: task)?.null(at: ReplyReader.place(of: task))
                return ReplyReader.element
            },
            freeObject: { _ in })
    }

    private static func builder(of task: UnsafePointer<redisReadTask>) -> ReplyBuilder? {
        // The reader owns the builder for as long as it calls back.
        task.pointee.privdata.map { Unmanaged<ReplyBuilder>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func place(of task: UnsafePointer<redisReadTask>) -> ReplyBuilder.Place? {
        guard let parent = task.pointee.parent else { return nil }
        return ReplyBuilder.Place(index: Int(task.pointee.idx), count: Int(parent.pointee.elements))
    }
}
