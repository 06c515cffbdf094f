internal import Wire

/// Where a viewer's stream begins, and what it is told first.
struct Start {
    /// The id of the `connected` event: if the connection breaks right after it, the viewer resumes from there.
    let id: Position
    /// Set when the history has to be read first.
    let resumesAfter: Position?
    /// Told when the viewer's position means nothing here.
    let gap: Gap?

    init(_ point: ResumePoint, newest: Position) {
        guard case .after(let text) = point else {
            self.init(id: newest, resumesAfter: nil, gap: nil)
            return
        }
        guard let position = Position(parsing: text) else {
            self.init(id: newest, resumesAfter: nil, gap: Gap(reason: .unknownPosition, at: newest))
            return
        }
        self.init(id: position, resumesAfter: position == newest ? nil : position, gap: nil)
    }

    private init(id: Position, resumesAfter: Position?, gap: Gap?) {
        self.id = id
        self.resumesAfter = resumesAfter
        self.gap = gap
    }

    func chunk(hello: [UInt8]) -> [UInt8] {
        var frames = [Frame(EventStream.frame(data: hello, id: id), kind: .notice(id))]
        if let gap { frames.append(gap.frame) }
        return Chunk.joining(frames)
    }
}
