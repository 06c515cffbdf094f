import FoundationEssentials
import HTTPTypes
import Hummingbird
import Identity
import NIOCore
import ServiceRuntime
import Wire

/// The reports of the laboratory in a folder: each a folder of its own, the newest first.
struct ReportFiles: Sendable {
    static let reportsMax = 100
    private static let filesMax = 100
    private static let bytesMax = 64 << 20
    private static let types = [
        "html": "text/html; charset=utf-8", "json": "application/json", "ndjson": "application/x-ndjson",
        "csv": "text/csv; charset=utf-8", "txt": "text/plain; charset=utf-8", "log": "text/plain; charset=utf-8",
        "png": "image/png", "svg": "image/svg+xml",
    ]
    /// A report is one document with everything in it. It gets no origin, so that it can reach nothing here.
    private static let policy =
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        + "img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// `nil`: there are no reports.
    let folder: String?

    private struct Report: Encodable {
        var name: String
        /// RFC 3339.
        var modified: String
        var files: [String]
    }

    private struct Reports: Encodable {
        var reports: [Report]
    }

    func add(to router: Router<ServiceContext>) {
        router.get("statistics/reports") { _, context in
            try context.require(.operate)
            return try Response.json(encoding: Reports(reports: reports()))
        }
        router.get("reports/:name/:file") { _, context in
            try context.require(.operate)
            return try file(context.parameters.get("name") ?? "", context.parameters.get("file") ?? "")
        }
    }

    private func reports() -> [Report] {
        let manager = FileManager.default
        guard let folder, let names = try? manager.contentsOfDirectory(atPath: folder) else { return [] }
        let dated = names.compactMap { name -> (name: String, date: Date)? in
            guard Self.isName(name), let date = Self.modified("\(folder)/\(name)") else { return nil }
            return (name, date)
        }
        return dated.sorted { ($0.date, $0.name) > ($1.date, $1.name) }.prefix(Self.reportsMax).compactMap {
            name, date in
            guard let files = try? manager.contentsOfDirectory(atPath: "\(folder)/\(name)") else { return nil }
            let known = files.filter { Self.isName($0) && Self.type(of: $0) != nil }
            guard !known.isEmpty else { return nil }
            return Report(
                name: name, modified: Timestamp.text(millisecondsSinceEpoch: Int64(date.timeIntervalSince1970 * 1000)),
                files: Array(known.sorted().prefix(Self.filesMax)))
        }
    }

    private func file(_ name: String, _ file: String) throws -> Response {
        let path = "\(folder ?? "")/\(name)/\(file)"
        guard folder != nil, Self.isName(name), Self.isName(file), let type = Self.type(of: file),
            let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? UInt64,
            size <= Self.bytesMax, let data = FileManager.default.contents(atPath: path)
        else { throw APIError(.notFound, code: "not_found", "there is no such report") }
        var headers: HTTPFields = [.contentType: type, .cacheControl: "no-cache", .contentSecurityPolicy: Self.policy]
        headers[.xContentTypeOptions] = "nosniff"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
    }

    /// No `..`, no `/`, nothing hidden.
    private static func isName(_ text: String) -> Bool { Identifier.isValid(text) && !text.hasPrefix(".") }

    private static func type(of file: String) -> String? {
        file.split(separator: ".").last.flatMap { types[String($0)] }
    }

    private static func modified(_ path: String) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    }
}
