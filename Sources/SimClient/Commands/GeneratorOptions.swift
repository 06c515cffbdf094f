internal import ArgumentParser
internal import Audience
internal import Options
internal import SocketLoop

// What only the options of a generator are read as, and how its command lines are refused.

/// An address of this machine.
let ownAddress: Transform<SourceAddress?> = parsed(nil) { (text) throws(InvalidParameter) in
    do throws(SourceAddress.Unusable) { return try SourceAddress(text) } catch {
        throw InvalidParameter(
            name: "source-address", value: text, expected: "an IPv4 address of this machine (\(error.cause))")
    }
}

/// One or more URLs, separated by commas.
let urls: Transform<[Endpoint]> = reads(Endpoint.listed, else: []) { text in
    let parts = text.split(separator: ",").map { $0.drop { $0 == " " } }
    let endpoints = parts.compactMap { part in
        Endpoint(part.last == " " ? part.dropLast(part.reversed().prefix { $0 == " " }.count) : part)
    }
    return parts.isEmpty || endpoints.count < parts.count ? nil : endpoints
}

extension Endpoint {
    static let listed = "http://host:port, several separated by commas"
}

/// What may stand in front of the names of videos or photos: characters of an id, short enough to leave room for more.
let idPrefix: Transform<String> = reads("at most 100 letters, digits, '.', '_', ':' or '-'", else: "") { text in
    let isAllowed = text.utf8.allSatisfy { byte in
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
            || "._:-".utf8.contains(byte)
    }
    return isAllowed && text.utf8.count <= 100 ? text : nil
}

extension ParsableArguments {
    /// What is wrong with the options, in the words of what is wrong with a service's settings.
    var refusals: [String] { misread.map { "\($0.name) is \"\($0.text)\"; expected \($0.expected)" } }

    /// What is said of a missing option, unless something is wrong with what was typed for it.
    func missing(_ isMissing: Bool, _ name: String, _ expected: String = Endpoint.listed, or: String = "") -> [String] {
        guard isMissing, !misread.contains(where: { $0.name == name }) else { return [] }
        return ["\(name)\(or.isEmpty ? "" : " (\(or))") is missing; expected \(expected)"]
    }

    /// Refuses the command line with all that is wrong with it.
    static func refuse(_ refusals: [String]) throws {
        if !refusals.isEmpty { throw ValidationError(refusals.joined(separator: "\nError: ")) }
    }
}
