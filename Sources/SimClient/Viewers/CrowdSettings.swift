internal import Audience

/// What a crowd of viewers is and how it behaves.
struct CrowdSettings: Sendable {
    enum Placement: String, Sendable, CaseIterable {
        /// Every connection goes to a Reader drawn at random.
        case random
        /// The first one does; later ones go where a redirect led before.
        case follow
    }

    var audience: Audience
    var shard = Shard.whole
    var readers: ServerDirectory
    var placement = Placement.random
    var limits = ViewerMachine.Limits()
    /// Connections between their start and their `connected` event.
    var connectsInProgressMax = 500
    /// From the start of a connection to its `connected` event.
    var connectSeconds: UInt32 = 15
    /// A connection that brings nothing for so long, not even a heartbeat, is given up.
    var silenceSeconds: UInt32 = 60
    /// Part of the viewers that never read once they are connected, 0 to 1.
    var slowShare = 0.0
    var streamProtocol = StreamProtocol.chorus
    /// Whether it is told when all viewers of a channel have a comment: a closed loop waits for it.
    var reportsCompletion = false
    /// Whether everything that is written to these channels is known at the end: what nobody wrote is then found.
    var knowsAllWritten = true
    /// Seeds the choice of a Reader at each connect; by default another one in each process and run.
    var connectSeed = UInt64.random(in: .min ... .max)
    /// Bytes of all channels' logs together.
    var logBytesMax = 64 << 20
}
