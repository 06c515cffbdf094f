internal import Wire

/// What an answer, or its absence, says of one comment.
enum PublishOutcome: Equatable, Sendable {
    /// Published; its place, if that can be read.
    case acknowledged(Position?)
    /// Kept, and to be published later.
    case stored
    /// Not published.
    case refused
    /// Published or not.
    case unknown
    /// Not taken, or not as agreed.
    case failed

    /// From CommentAPI's answer.
    init(status: Int, body: [UInt8]) {
        switch status {
        case 201: self = .acknowledged(Acknowledgement.position(in: body))
        case 202: self = .stored
        case 503: self = PublishOutcome.saysUnknown(body) ? .unknown : .refused
        case 504: self = .unknown
        default: self = .failed
        }
    }

    /// The codes of answers that do not know it themselves end like this.
    private static func saysUnknown(_ body: [UInt8]) -> Bool {
        String(decoding: body, as: UTF8.self).contains("_timeout\"")
    }
}
