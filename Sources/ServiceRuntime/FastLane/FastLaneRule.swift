import HTTPTypes
import NIOCore

/// Which requests are ordinary enough for a ``FastRoute``, by their head. Pure.
enum FastLaneRule {
    /// Fields that ask for something which only the ordinary route does.
    private static let unusual: Set<HTTPField.Name> = [
        .origin, .expect, .connection, .transferEncoding, .contentEncoding, .upgrade, .trailer, .te,
    ]

    static func isOrdinary(_ head: HTTPRequest, for route: any FastRoute) -> Bool {
        guard head.path == route.path, head.method == route.method else { return false }
        var (hasType, hasLength) = (false, false)
        for field in head.headerFields {
            switch field.name {
            case .contentType:
                guard !hasType, field.value == "application/json" else { return false }
                hasType = true
            case .contentLength:
                guard !hasLength, let length = Int(field.value), (1...route.bodyBytesMax).contains(length)
                else { return false }
                hasLength = true
            case let name where unusual.contains(name) || route.unusualFields.contains(name): return false
            default: break
            }
        }
        return hasType && hasLength
    }
}
