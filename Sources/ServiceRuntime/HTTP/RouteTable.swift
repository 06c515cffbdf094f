import HTTPTypes
import Hummingbird

/// The methods of each path: for `404` or `405`, and the `Allow` header.
struct RouteTable: Sendable {
    private struct Route: Sendable {
        var segments: [String]
        var methods: Set<String>
    }

    private var routes: [Route] = []

    init(_ descriptions: [(path: String, method: HTTPRequest.Method)]) {
        for (path, method) in descriptions {
            let segments = Self.segments(path)
            if let known = routes.firstIndex(where: { $0.segments == segments }) {
                routes[known].methods.insert(method.rawValue)
            } else {
                routes.append(Route(segments: segments, methods: [method.rawValue]))
            }
        }
    }

    /// The value of the `Allow` header for `path`; `nil` when no method is known there.
    func allowed(at path: String) -> String? {
        let segments = Self.segments(path)
        let methods = routes.filter { Self.matches($0.segments, segments) }.reduce(into: Set()) {
            $0.formUnion($1.methods)
        }
        return methods.isEmpty ? nil : methods.sorted().joined(separator: ", ")
    }

    private static func segments(_ path: String) -> [String] {
        path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    }

    private static func matches(_ template: [String], _ path: [String]) -> Bool {
        template.count == path.count
            && zip(template, path).allSatisfy { $0.hasPrefix("{") || $0.hasPrefix(":") || $0 == "*" || $0 == $1 }
    }
}
