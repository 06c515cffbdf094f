public import Wire

/// A connect's place on its channels, between its admission and the hand-over of its socket.
///
/// Used up by ``Hub/attach(descriptor:ticket:hello:resumingFrom:)`` or given back by ``Hub/release(_:)``: exactly one of them.
public struct Ticket: Sendable {
    /// The first is the log that the viewer follows.
    public let channels: [Channel]
}
