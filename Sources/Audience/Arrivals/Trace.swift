internal import Foundation
internal import Wire

/// Who joined, left and wrote when: an audience as it was, to be replayed on another placement.
///
/// NDJSON, one event a line, in the order of their times; `at` is seconds since publishing began, and whoever joins at
/// 0 is there before:
///
///     {"at":0,"join":"v3","viewer":"user7"}
///     {"at":4.25,"comment":"v3","viewer":"user7"}
///     {"at":9.5,"leave":"v3","viewer":"user7"}
///
/// A viewer watches one video at a time; who writes need not watch.
public struct Trace: Equatable, Sendable {
    public enum Action: String, CaseIterable, Sendable {
        case join, leave, comment
    }

    /// One line.
    public struct Event: Codable, Equatable, Sendable {
        /// Seconds.
        public var at: Double
        public var viewer: String
        /// One of them: the video.
        public var join: String?
        public var leave: String?
        public var comment: String?

        public init(_ action: Action, _ video: String, viewer: String, at seconds: Double) {
            (at, self.viewer) = (seconds, viewer)
            switch action {
            case .join: join = video
            case .leave: leave = video
            case .comment: comment = video
            }
        }

        /// As it stands in the file. Names are ids, and need no quoting.
        public var line: String {
            guard let (action, video) = action else { return "{}" }
            return #"{"at":\#(at),"\#(action.rawValue)":"\#(video)","viewer":"\#(viewer)"}"#
        }

        fileprivate var action: (Action, video: String)? {
            let all = [(Action.join, join), (.leave, leave), (.comment, comment)].compactMap { action, video in
                video.map { (action, video: $0) }
            }
            return all.count == 1 ? all[0] : nil
        }
    }

    public static let eventsMax = 10_000_000
    public static let bytesMax = 2 << 30

    /// Everybody's first channel, and all names.
    public let audience: Audience
    /// The audience when the trace ends.
    public let audienceAtEnd: Audience
    /// Viewers who are there from the start.
    public let present: Set<Int>
    /// In the order of their times.
    public let moves: [ViewerMove]
    public let comments: [CommentArrivals.Comment]
    /// Until a moment after the last event.
    public let seconds: Double

    /// - Throws: ``InvalidParameter`` with the line that is wrong.
    public init(reading path: String) throws(InvalidParameter) {
        func wrong(_ expected: String) -> InvalidParameter {
            InvalidParameter(name: "replay", value: path, expected: expected)
        }
        let unreadable = wrong("a trace that can be read")
        guard let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int else {
            throw unreadable
        }
        guard size <= Trace.bytesMax else { throw wrong("a trace of at most \(Trace.bytesMax) bytes") }
        guard let data = FileManager.default.contents(atPath: path) else { throw unreadable }
        let decoder = JSONDecoder()
        var events: [Event] = []
        // Only the last line may be empty, so that a line's number is what an editor calls it.
        var lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty ?? false { lines.removeLast() }
        for (number, line) in lines.enumerated() {
            guard number < Trace.eventsMax else { throw wrong("a trace of at most \(Trace.eventsMax) events") }
            guard let event = try? decoder.decode(Event.self, from: line), event.action != nil else {
                throw wrong("an event with at, viewer and one of join, leave, comment in line \(number + 1)")
            }
            events.append(event)
        }
        do throws(Trace.Refusal) { try self.init(events) } catch {
            throw wrong("\(error.expected) in line \(error.line)")
        }
    }

    /// What is wrong with an event, and which.
    public struct Refusal: Error, Equatable {
        public var line: Int
        public var expected: String
    }

    public init(_ events: [Event]) throws(Refusal) {
        var reader = TraceReader()
        for (number, event) in events.enumerated() { try reader.take(event, line: number + 1) }
        guard !reader.viewers.isEmpty, let last = events.last, last.at > 0 else {
            throw Refusal(line: max(events.count, 1), expected: "a viewer who joins, and a time above 0")
        }
        // Viewers are numbered channel by channel, as in any audience; those who only write come after them.
        let order = reader.viewers.indices.sorted { (reader.viewers[$0].first, $0) < (reader.viewers[$1].first, $1) }
        var numbers = Array(repeating: 0, count: order.count)
        for (number, index) in order.enumerated() { numbers[index] = number }
        let names = Audience.Names(
            videos: reader.videos.all, users: order.map { reader.viewers[$0].name } + reader.writers.all)
        func audience(_ channels: [Int]) -> Audience {
            var sizes = Array(repeating: 0, count: reader.videos.all.count)
            for channel in channels { sizes[channel] += 1 }
            return Audience(counted: sizes, names: names)
        }
        self.audience = audience(reader.viewers.map(\.first))
        audienceAtEnd = audience(reader.viewers.compactMap(\.channel))
        present = Set(reader.present.map { numbers[$0] })
        moves = reader.moves.map {
            ViewerMove(nanoseconds: $0.nanoseconds, viewer: numbers[$0.viewer], action: $0.action)
        }
        comments = reader.comments.map { nanoseconds, channel, writer in
            let number =
                switch writer {
                case .viewer(let index): numbers[index]
                case .other(let index): order.count + index
                }
            return CommentArrivals.Comment(nanoseconds: nanoseconds, channel: channel, viewer: number)
        }
        seconds = last.at + 0.01
    }

    /// One shard's viewers by their numbers in it, and the comments that it writes.
    public func part(of shard: Shard) -> (present: Set<Int>, moves: [ViewerMove], comments: [CommentArrivals.Comment]) {
        let own = present.filter { shard.contains(viewer: $0) }.map { $0 / shard.count }
        let moves = moves.filter { shard.contains(viewer: $0.viewer) }.map {
            ViewerMove(nanoseconds: $0.nanoseconds, viewer: $0.viewer / shard.count, action: $0.action)
        }
        return (Set(own), moves, comments.filter { shard.contains(viewer: $0.viewer) })
    }
}

extension Trace {
    /// Puts the parts of a trace together, each in the order of its times.
    ///
    /// - Returns: how many events there are.
    /// - Throws: what reading and writing files throws.
    public static func merge(_ parts: [String], into path: String) throws -> Int {
        struct Time: Decodable { var at: Double }
        let decoder = JSONDecoder()
        var lines: [(at: Double, text: Data)] = []
        for part in parts {
            for line in try Data(contentsOf: URL(fileURLWithPath: part)).split(separator: UInt8(ascii: "\n")) {
                lines.append((try decoder.decode(Time.self, from: line).at, line))
            }
        }
        // Those of one time stay in the order of their parts: a viewer belongs to one.
        let order = lines.indices.sorted { (lines[$0].at, $0) < (lines[$1].at, $1) }
        var whole = Data(capacity: lines.reduce(0) { $0 + $1.text.count + 1 })
        for index in order {
            whole.append(lines[index].text)
            whole.append(UInt8(ascii: "\n"))
        }
        try whole.write(to: URL(fileURLWithPath: path))
        return lines.count
    }
}

/// Follows the events of a trace.
private struct TraceReader {
    struct Viewer {
        var name: String
        var first: Int
        /// Where they are now.
        var channel: Int?
    }

    enum Writer {
        case viewer(Int), other(Int)
    }

    private(set) var viewers: [Viewer] = []
    private(set) var writers = NumberedNames()
    private(set) var videos = NumberedNames()
    private(set) var present: [Int] = []
    private(set) var moves: [ViewerMove] = []
    private(set) var comments: [(nanoseconds: UInt64, channel: Int, writer: Writer)] = []
    private var viewerNumbers: [String: Int] = [:]
    private var last = 0.0

    mutating func take(_ event: Trace.Event, line: Int) throws(Trace.Refusal) {
        func wrong(_ expected: String) -> Trace.Refusal { Trace.Refusal(line: line, expected: expected) }
        guard let (action, video) = event.action else { throw wrong("one of join, leave, comment") }
        guard event.at >= last, event.at <= 86_400 else { throw wrong("times that never fall, up to 86400") }
        last = event.at
        guard Identifier.isValid(video), Identifier.isValid(event.viewer) else {
            throw wrong("names of \(Identifier.expected)")
        }
        let nanoseconds = UInt64(event.at * 1e9)
        let channel = videos.number(of: video)
        guard videos.all.count <= Audience.channelsMax else { throw wrong("at most \(Audience.channelsMax) videos") }
        switch (action, viewerNumbers[event.viewer]) {
        case (.comment, let viewer?): comments.append((nanoseconds, channel, .viewer(viewer)))
        case (.comment, nil): comments.append((nanoseconds, channel, .other(writers.number(of: event.viewer))))
        case (.join, nil):
            viewerNumbers[event.viewer] = viewers.count
            if event.at == 0 {
                present.append(viewers.count)
            } else {
                moves.append(ViewerMove(nanoseconds: nanoseconds, viewer: viewers.count, action: .joins(channel)))
            }
            viewers.append(Viewer(name: event.viewer, first: channel, channel: channel))
        case (.join, let viewer?):
            guard viewers[viewer].channel == nil else { throw wrong("'\(event.viewer)' to leave before a join") }
            viewers[viewer].channel = channel
            moves.append(ViewerMove(nanoseconds: nanoseconds, viewer: viewer, action: .joins(channel)))
        case (.leave, let viewer?) where viewers[viewer].channel == channel:
            viewers[viewer].channel = nil
            moves.append(ViewerMove(nanoseconds: nanoseconds, viewer: viewer, action: .leaves))
        case (.leave, _): throw wrong("'\(event.viewer)' to watch '\(video)' before a leave")
        }
    }
}

/// Names in the order in which they came, each with its number.
private struct NumberedNames {
    private(set) var all: [String] = []
    private var numbers: [String: Int] = [:]

    mutating func number(of name: String) -> Int {
        if let known = numbers[name] { return known }
        numbers[name] = all.count
        all.append(name)
        return all.count - 1
    }
}
