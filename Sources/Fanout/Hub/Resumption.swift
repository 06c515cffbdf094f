internal import Broker
internal import Wire

/// Where a viewer says it was, as far as that can be made out.
public enum ResumePoint: Equatable, Sendable {
    /// It named no position: it starts now.
    case now
    case after(String)
}

/// A viewer whose history is to be read.
struct Resumption: Sendable {
    let id: ResumptionID
    let channel: Channel
    let loop: Int
    /// Where the viewer says it was.
    let position: Position
    /// Where the channel's stream stood when the viewer was attached: frames are kept for it from there on.
    let joinedAt: Position
}
