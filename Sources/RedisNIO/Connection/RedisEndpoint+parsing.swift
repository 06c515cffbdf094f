/// What is wrong with the text of a ``RedisEndpoint``. The description never repeats user or password.
public enum RedisEndpointError: Error, Hashable, Sendable, CustomStringConvertible {
    case wrongScheme
    case missingHost
    case unreadablePort(String)
    case unreadableDatabase(String)
    case unreadableCredentials
    case missingPassword
    case unexpectedQuery
    case severalServers
    case databaseOfCluster
    case missingMasterName

    public var description: String {
        switch self {
        case .wrongScheme:
            "a Redis address begins with redis:// or rediss://, or with redis+cluster:// or redis+sentinel:// and the like"
        case .missingHost: "the Redis address names no host"
        case .unreadablePort(let text): "the port of the Redis address is not a number from 1 to 65535: \"\(text)\""
        case .unreadableDatabase(let text): "the database of the Redis address is not a number from 0: \"\(text)\""
        case .unreadableCredentials: "user or password of the Redis address is not valid percent-encoding"
        case .missingPassword: "the Redis address names a user without a password"
        case .unexpectedQuery: "the Redis address has a query or fragment, which has no meaning here"
        case .severalServers: "only the address of a cluster or of Sentinels names several hosts"
        case .databaseOfCluster: "a Redis Cluster has no databases"
        case .missingMasterName: "the address of Sentinels ends with the name of the master: redis+sentinel://host/name"
        }
    }
}

extension RedisEndpoint {
    /// Reads what the type's description says; with `rediss` in place of `redis` connections are encrypted.
    public init(parsing text: some StringProtocol) throws(RedisEndpointError) {
        let kinds = ["": Deployment.server, "+cluster": .cluster, "+sentinel": .sentinel(master: "")]
        guard let mark = text.firstRange(of: "://") else { throw .wrongScheme }
        let scheme = text[..<mark.lowerBound].lowercased()
        let plus = scheme.firstIndex(of: "+") ?? scheme.endIndex
        guard ["redis", "rediss"].contains(scheme[..<plus]), var deployment = kinds[String(scheme[plus...])] else {
            throw .wrongScheme
        }
        let rest = text[mark.upperBound...]
        // A password may hold '@' unencoded in old settings; a host never does, so the last one divides.
        let at = rest.lastIndex(of: "@")
        let address = at.map { rest[rest.index(after: $0)...] } ?? rest[...]
        guard !address.contains("?"), !address.contains("#") else { throw .unexpectedQuery }
        let (user, password) = try Self.credentials(at.map { String(rest[..<$0]) })
        var path = String(address).split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
            .map(String.init)
        let hosts = path.removeFirst().split(separator: ",", omittingEmptySubsequences: false)
        if deployment == .sentinel(master: "") {
            guard !path.isEmpty, !path[0].isEmpty else { throw .missingMasterName }
            deployment = .sentinel(master: path.removeFirst())
        }
        let isOfSentinels = deployment != .server && deployment != .cluster
        let usual = isOfSentinels ? Self.defaultSentinelPort : Self.defaultPort
        var addresses: [RedisAddress] = []
        for host in hosts { addresses.append(try Self.address(String(host), port: usual)) }
        guard addresses.count == 1 || deployment != .server else { throw .severalServers }
        let database = try Self.database(path.joined(separator: "/"))
        guard database == 0 || deployment != .cluster else { throw .databaseOfCluster }
        self.init(
            host: addresses[0].host, port: addresses[0].port, database: database, user: user, password: password,
            tls: scheme.hasPrefix("rediss") ? RedisTLS() : nil)
        self.deployment = deployment
        others = Array(addresses.dropFirst())
    }

    private static func credentials(_ text: String?) throws(RedisEndpointError) -> (String?, String?) {
        guard let text else { return (nil, nil) }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else { throw .missingPassword }
        guard let user = percentDecoded(parts[0]), let password = percentDecoded(parts[1]) else {
            throw .unreadableCredentials
        }
        return (user.isEmpty ? nil : user, password)
    }

    /// - Parameter usual: the port, when the text names none.
    private static func address(_ text: String, port usual: Int) throws(RedisEndpointError) -> RedisAddress {
        var host = text[...]
        var port = ""
        var hasPort = false
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            let tail = text[text.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw .missingHost }
            hasPort = !tail.isEmpty
            port = String(tail.dropFirst())
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = String(text[text.index(after: colon)...])
            hasPort = true
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else { throw .missingHost }
        guard hasPort else { return RedisAddress(host: String(host), port: usual) }
        guard let number = decimal(port), (1...65535).contains(number) else { throw .unreadablePort(port) }
        return RedisAddress(host: String(host), port: number)
    }

    private static func database(_ text: String) throws(RedisEndpointError) -> Int {
        if text.isEmpty { return 0 }
        guard let number = decimal(text) else { throw .unreadableDatabase(text) }
        return number
    }

    private static func decimal(_ text: String) -> Int? {
        text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? Int(text) : nil
    }

    private static func percentDecoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(hexDigit), let low = rest.next().flatMap(hexDigit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map(UInt8.init)
    }
}
