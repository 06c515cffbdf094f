import FoundationEssentials
import HTTPTypes
import Hummingbird
import Identity
import NIOCore
import ServiceLifecycle
import ServiceRuntime
import Wire

/// What the dashboard asks for: the feed, the whole map, and single channels.
struct DashboardRoutes: Sendable {
    static let code = "invalid_query"
    static let channelsMax = 100

    let feed: DashboardFeed
    let service: StatisticsService

    func add(to router: Router<ServiceContext>) {
        router.get("statistics/feed") { request, context in
            try context.require(.read)
            return try follow(request)
        }
        router.get("statistics/map") { _, context in
            try context.require(.read)
            let (head, rows) = try feed.map()
            let json = try Response.encoded(head)
            var body = ByteBuffer()
            body.writeInteger(UInt32(json.readableBytes), endianness: .little)
            body.writeImmutableBuffer(json)
            body.writeImmutableBuffer(rows)
            return Response(
                status: .ok, headers: [.contentType: "application/octet-stream", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: body))
        }
        router.get("statistics/channels") { request, context in
            try context.require(.read)
            return try channels(request)
        }
    }

    /// As an event stream, or a recording: a line of JSON for each event, with the whole map in the first.
    private func follow(_ request: Request) throws -> Response {
        let fields = try RequestFields(queryOf: request, code: Self.code)
        let format = try fields.optionalString("format") ?? "events"
        guard format == "events" || format == "ndjson" else {
            throw APIError.invalid(Self.code, "format must be events or ndjson")
        }
        guard let frames = try feed.follow() else {
            throw APIError.unavailable("too_many_dashboards", "as many dashboards follow as may", retryAfterSeconds: 10)
        }
        let isRecording = format == "ndjson"
        var first = ByteBuffer(string: "retry: 2000\n\n")
        if isRecording {
            let (head, rows) = try feed.map()
            let whole = Recording(head: head, rows: Data(rows.readableBytesView).base64EncodedString())
            first = DashboardFeed.Frame(event: "map", json: try Response.encoded(whole)).lines
        }
        let begin = first
        let body = ResponseBody { writer in
            // A server that stops waits for its answers to end.
            try await writer.write(begin)
            for await frame in frames.cancelOnGracefulShutdown() {
                try await writer.write(isRecording ? frame.lines : frame.eventStream)
            }
            try await writer.finish(nil)
        }
        var headers: HTTPFields = [
            .contentType: isRecording ? "application/x-ndjson" : EventStream.mediaType, .cacheControl: "no-store",
        ]
        if let buffering = HTTPField.Name("X-Accel-Buffering") { headers[buffering] = "no" }
        return Response(status: .ok, headers: headers, body: body)
    }

    private struct Recording: Encodable {
        var head: DashboardFeed.MapHead
        /// Base64.
        var rows: String
    }

    private struct Channels: Encodable {
        var channels: [ChannelDetail]
    }

    private func channels(_ request: Request) throws -> Response {
        let fields = try RequestFields(queryOf: request, code: Self.code)
        if let name = try fields.optionalString("name") {
            return try .json(
                encoding: Channels(channels: service.withAggregate { all, _ in all.details(named: [name]) }))
        }
        let columns = try fields.string("columns").split(separator: ",").map { Int($0) }
        guard columns.count <= Self.channelsMax, columns.allSatisfy({ ($0 ?? -1) >= 0 }) else {
            throw APIError.invalid(Self.code, "columns must be at most \(Self.channelsMax) whole numbers")
        }
        return try .json(
            encoding: Channels(channels: service.withAggregate { all, _ in all.details(of: columns.compactMap { $0 }) })
        )
    }
}

/// One channel, as the map's readout shows it.
struct ChannelDetail: Encodable {
    var name: String
    var column: Int
    var viewers: Int
    var published: Int
    /// Viewers by Reader that is subscribed.
    var readers: [String: Int]
}

extension Aggregate {
    func details(named names: [String]) -> [ChannelDetail] { details(of: names.compactMap { channels.id(of: $0) }) }

    /// Of the columns that are channels.
    func details(of columns: [Int]) -> [ChannelDetail] {
        columns.filter { $0 < channels.idLimit && !channels.name(of: $0).isEmpty }.map { id in
            let subscribed = readers.values.filter { $0.subscribed.contains(id) }
            return ChannelDetail(
                name: channels.name(of: id), column: id, viewers: channels.viewers[id], published: published[id] ?? 0,
                readers: Dictionary(
                    subscribed.map { ($0.report.instanceId, $0.viewers(of: id)) }, uniquingKeysWith: +))
        }
    }
}
