import RedisNIO
import Testing

@Suite struct EndpointTests {
    @Test func plain() throws {
        let endpoint = try RedisEndpoint(parsing: "redis://127.0.0.1")
        #expect(endpoint == RedisEndpoint(host: "127.0.0.1", port: 6379))
    }

    @Test func everything() throws {
        let endpoint = try RedisEndpoint(parsing: "redis://anna:p%40ss@redis.example:6380/3")
        #expect(
            endpoint == RedisEndpoint(host: "redis.example", port: 6380, database: 3, user: "anna", password: "p@ss"))
        #expect(try RedisEndpoint(parsing: "REDIS://:secret@[::1]:7000/").host == "::1")
        #expect(try RedisEndpoint(parsing: "redis://:a:b@h").password == "a:b")
    }

    @Test(arguments: [
        ("http://h", RedisEndpointError.wrongScheme), ("rediss://h", .encryptionUnsupported),
        ("redis://", .missingHost),
        ("redis://:6379", .missingHost), ("redis://h:", .unreadablePort("")), ("redis://h:0", .unreadablePort("0")),
        ("redis://h:65536", .unreadablePort("65536")), ("redis://h:+1", .unreadablePort("+1")),
        ("redis://h/x", .unreadableDatabase("x")), ("redis://h/-1", .unreadableDatabase("-1")),
        ("redis://anna@h", .missingPassword), ("redis://anna:%zz@h", .unreadableCredentials),
        ("redis://h?db=1", .unexpectedQuery), ("redis://a b", .missingHost),
    ])
    func refused(text: String, error: RedisEndpointError) {
        #expect(throws: error) { try RedisEndpoint(parsing: text) }
    }

    @Test func showsNoSecret() throws {
        let endpoint = try RedisEndpoint(parsing: "redis://anna:hushhush@h:1/2")
        var dumped = ""
        dump(endpoint, to: &dumped)
        for text in ["\(endpoint)", String(reflecting: endpoint), dumped] { #expect(!text.contains("hush")) }
        #expect("\(endpoint)" == "redis://h:1/2")
    }
}
