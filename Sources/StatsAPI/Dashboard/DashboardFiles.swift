import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceRuntime

/// The dashboard's files, read once at the start: `/dashboard/…`, and what it shares with the app, `/app/…`.
///
/// A request names one of the known paths or nothing, so that no path leads out of the folder.
struct DashboardFiles: Sendable {
    private struct File: Sendable {
        var type: String
        var tag: String
        var content: ByteBuffer
    }

    private static let types = [
        "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml", "woff2": "font/woff2",
    ]
    /// Of the app: what looks and works the same there.
    private static let shared = [
        "app/app.css", "app/icon.svg", "app/fonts/", "app/core/", "app/ui/dom.js",
        "app/live/stream.js",
    ]
    private static let bytesMax = 4 << 20
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
        + "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        + "require-trusted-types-for 'script'; trusted-types chorus"

    private let files: [String: File]

    /// - Parameter folder: with `dashboard/index.html`, and `app` beside it.
    init(folder: String) throws(ServiceFailure) {
        var files: [String: File] = [:]
        var bytes = 0
        for path in Self.paths(in: folder, "dashboard") + Self.paths(in: folder, "app") {
            guard path.hasPrefix("dashboard/") || Self.shared.contains(where: { path.hasPrefix($0) }),
                let type = path.split(separator: ".").last.flatMap({ Self.types[String($0)] }),
                let data = FileManager.default.contents(atPath: "\(folder)/\(path)")
            else { continue }
            bytes += data.count
            files[path] = File(type: type, tag: Self.tag(data), content: ByteBuffer(bytes: data))
        }
        guard files["dashboard/index.html"] != nil else {
            throw ServiceFailure(.usage, "WEB_FOLDER: \(folder)/dashboard/index.html cannot be read")
        }
        guard bytes <= Self.bytesMax else {
            throw ServiceFailure(
                .usage, "WEB_FOLDER: the files of the dashboard are larger than \(Self.bytesMax) bytes")
        }
        self.files = files
    }

    private static func paths(in folder: String, _ part: String) -> [String] {
        (try? FileManager.default.subpathsOfDirectory(atPath: "\(folder)/\(part)"))?.map { "\(part)/\($0)" } ?? []
    }

    /// FNV-1a; a changed file has another one.
    private static func tag(_ data: Data) -> String {
        let hash = data.reduce(into: 0xcbf2_9ce4_8422_2325 as UInt64) { hash, byte in
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return "\"\(String(hash, radix: 16))\""
    }

    func add(to router: Router<ServiceContext>) {
        router.get("/") { _, _ in Response(status: .temporaryRedirect, headers: [.location: "/dashboard/"]) }
        router.get("dashboard") { request, _ in try answer("dashboard/index.html", request) }
        for part in ["dashboard", "app"] {
            router.get("\(part)/:a") { request, context in try answer(request) }
            router.get("\(part)/:a/:b") { request, context in try answer(request) }
        }
    }

    private func answer(_ request: Request) throws -> Response {
        try answer(String(request.uri.path.drop { $0 == "/" }), request)
    }

    private func answer(_ path: String, _ request: Request) throws -> Response {
        guard let file = files[path] else { throw APIError(.notFound, code: "not_found", "there is no such path") }
        var headers: HTTPFields = [.contentType: file.type, .eTag: file.tag, .cacheControl: "no-cache"]
        headers[.contentSecurityPolicy] = Self.policy
        headers[.xContentTypeOptions] = "nosniff"
        guard request.headers[.ifNoneMatch] != file.tag else { return Response(status: .notModified, headers: headers) }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: file.content))
    }
}
