internal import Wire

/// What can be wrong with a report that was decoded.
protocol CheckedReport: Decodable {
    /// Texts by member: names that must not be empty first.
    var names: [(member: String, text: String?)] { get }
    /// Texts that may be missing or empty.
    var texts: [(member: String, text: String?)] { get }
    /// Numbers that must not be negative.
    var counts: [(member: String, count: Int)] { get }
    /// Tables of such numbers.
    var tables: [(member: String, counts: [String: Int])] { get }
}

extension CheckedReport {
    /// What is wrong, in a sentence that begins with the member's name; `nil` for a good report.
    func problem(_ limits: AggregateLimits = AggregateLimits()) -> String? {
        if let (member, _) = names.first(where: { $0.text?.isEmpty ?? true }) { return "\(member) is empty" }
        for (member, text) in names + texts {
            guard let text else { continue }
            if text.utf8.count > limits.nameLengthMax {
                return "\(member) is longer than \(limits.nameLengthMax) bytes"
            }
            let isControl = text.unicodeScalars.contains { $0.properties.generalCategory == .control }
            if isControl { return "\(member) holds a control character" }
        }
        if let (member, _) = counts.first(where: { $0.count < 0 }) { return "\(member) is negative" }
        let negative = tables.first { $0.counts.values.contains { $0 < 0 } }
        return negative.map { "\($0.member) holds a negative number" }
    }
}

extension LikeReport: CheckedReport {
    var names: [(member: String, text: String?)] { [("instanceId", instanceId)] }
    var texts: [(member: String, text: String?)] { [("session", session)] }
    var counts: [(member: String, count: Int)] {
        [("changed", changed), ("recorded", recorded), ("backlog", backlog ?? 0)]
    }
    var tables: [(member: String, counts: [String: Int])] { [("refusals", refusals)] }
}

extension CommentAPIReport: CheckedReport {
    var names: [(member: String, text: String?)] { [("instanceId", instanceId)] }
    var texts: [(member: String, text: String?)] { [("session", session)] }
    var counts: [(member: String, count: Int)] {
        [
            ("totalCommentsReceived", totalCommentsReceived), ("totalCommentsPublished", totalCommentsPublished),
            ("publishedElsewhere", publishedElsewhere), ("database", database?.storedComments ?? 0),
        ]
    }
    var tables: [(member: String, counts: [String: Int])] {
        [
            ("refusals", refusals), ("publishedByChannel", publishedByChannel),
            ("commentsByVideo", commentsByVideo ?? [:]),
        ]
    }
}

extension ReaderReport: CheckedReport {
    var names: [(member: String, text: String?)] { [("instanceId", instanceId)] }
    var texts: [(member: String, text: String?)] {
        [("session", session), ("publicUrl", publicUrl), ("placement", placement)]
    }
    var counts: [(member: String, count: Int)] {
        [
            ("sequence", sequence), ("subscriptions", subscriptions), ("activeConnections", activeConnections),
            ("totalConnections", totalConnections), ("totalMessagesReceived", totalMessagesReceived),
            ("totalMessagesSent", totalMessagesSent), ("notRedirected", notRedirected ?? 0),
            ("extraSubscriptions", extraSubscriptions ?? 0),
        ]
    }
    var tables: [(member: String, counts: [String: Int])] {
        [("viewers", viewers), ("disconnects", disconnects), ("refusals", refusals)]
    }
}

extension ClientReport: CheckedReport {
    var names: [(member: String, text: String?)] { [("clientId", clientId)] }
    var texts: [(member: String, text: String?)] { [("userid", userid), ("videoid", videoid), ("reader", reader)] }
    var counts: [(member: String, count: Int)] {
        [
            ("viewers", viewers), ("connected", connected), ("commentsGenerated", commentsGenerated),
            ("commentsConsumed", commentsConsumed), ("reconnects", reconnects),
        ]
    }
    var tables: [(member: String, counts: [String: Int])] { [] }
}
