import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import ServiceRuntime

/// How often a viewer was redirected, as the query of a connect says: `hop=1`.
struct Hop: Equatable, Sendable {
    static let parameter = "hop"

    let count: Int

    init(_ request: Request, code: String) throws(APIError) {
        let fields = try RequestFields(queryOf: request, code: code)
        guard let text = try fields.optionalString(Self.parameter) else {
            count = 0
            return
        }
        guard let count = Int(text), (0...99).contains(count) else {
            throw .invalid(code, "hop must be a whole number of 0 to 99")
        }
        self.count = count
    }

    /// The address of the same request at another Reader, one hop later.
    ///
    /// - Parameters:
    ///   - base: the public URL of that Reader.
    ///   - query: as it was sent; all of it survives.
    ///   - lastEventID: the `Last-Event-ID` header. Clients may drop headers on their way to another origin, so it goes
    ///     into the query and replaces what the query said: the header is the newer one.
    func next(at base: ServiceURL, query: String?, lastEventID: String?) -> String {
        var parameters = (query ?? "").split(separator: "&").map(String.init)
        let replaced = lastEventID == nil ? [Self.parameter] : [Self.parameter, "lastEventId"]
        parameters.removeAll { parameter in
            let name = parameter.prefix { $0 != "=" }
            return replaced.contains(String(name).removingPercentEncoding ?? "")
        }
        if let lastEventID { parameters.append("lastEventId=" + Self.escaped(lastEventID)) }
        parameters.append("\(Self.parameter)=\(count + 1)")
        return base.appending(path: "/connect?" + parameters.joined(separator: "&"))
    }

    /// Percent encoding of everything but the unreserved characters of RFC 3986.
    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            let hex = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (hex.count == 1 ? "0" : "") + hex
        }.joined()
    }
}
