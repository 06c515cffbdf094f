/// How a swarm talks to its servers.
enum StreamProtocol: String, Sendable, CaseIterable {
    /// Event ids are positions, the first event is `connected`, and 201 names the place of a comment.
    case chorus
    /// Any event stream. A viewer is connected with the head of the answer, event ids say nothing, 201 and 202 are
    /// acknowledgements; a comment is known by the number in its text (``CommentIndex``).
    case plain
}

/// Who writes comments.
enum PublishMode: String, Sendable, CaseIterable {
    /// This swarm does.
    case comments
    /// Somebody else does: the swarm only listens.
    case none
}
