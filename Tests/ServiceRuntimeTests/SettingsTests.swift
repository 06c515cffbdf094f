import Logging
import RedisNIO
import ServiceRuntime
import TestSupport
import Testing

private struct ExampleSettings: ServiceSettings {
    var server: ServerSettings
    var redis: RedisSettings
    var reports: ReportSettings
    var history: HistorySettings

    init(from reader: inout SettingsReader) {
        server = ServerSettings(from: &reader, port: 3000)
        redis = RedisSettings(from: &reader)
        reports = ReportSettings(from: &reader)
        history = HistorySettings(from: &reader)
    }
}

@Suite struct SettingsTests {
    private func problems(_ environment: [String: String], _ arguments: [String] = []) -> [String] {
        do {
            _ = try ExampleSettings.read(arguments: arguments, environment: environment)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func defaults() throws {
        let settings = try ExampleSettings.read(environment: [:])
        #expect(settings.server.host == "0.0.0.0" && settings.server.port == 3000)
        #expect(settings.server.logLevel == .info && settings.redis.endpoint.host == "127.0.0.1")
        #expect(settings.reports.url == nil && settings.reports.interval == .seconds(1))
    }

    @Test func environmentAndArguments() throws {
        let settings = try ExampleSettings.read(
            arguments: ["--port", "4001", "--instance-id=reader-1"],
            environment: [
                "PORT": "9", "LOG_LEVEL": "debug", "REPORT_INTERVAL_MS": "250", "REDIS_URL": "redis://:a,b@h:1/2",
            ])
        #expect(settings.server.port == 4001 && settings.server.instance == "reader-1")
        #expect(settings.server.logLevel == .debug && settings.reports.interval == .milliseconds(250))
        #expect(settings.redis.endpoint.password == "a,b" && settings.redis.endpoint.database == 2)
    }

    @Test func allProblemsTogether() {
        let found = problems([
            "PORT": "70000", "LOG_LEVEL": "loud", "REPORT_INTERVAL_MS": "1.5", "INSTANCE_ID": "a b",
            "HISTORY_LENGTH": "-1",
        ])
        #expect(found.count == 5)
        #expect(found.contains("PORT=70000: must be an integer, 0 to 65535"))
        #expect(found.contains { $0.hasPrefix("LOG_LEVEL=loud: must be a word, one of trace, debug") })
        #expect(found.contains("REPORT_INTERVAL_MS=1.5: must be an integer (milliseconds), 50 to 3600000"))
        #expect(found.contains { $0.hasPrefix("INSTANCE_ID=a b:") })
    }

    @Test(arguments: ["0x10", " 5", "5 ", "5.0", "1e3", "99999999999999999999", "٣", "+"])
    func whatIsNoNumberIsNoDefault(text: String) {
        #expect(problems(["PORT": text]).count == 1)
    }

    @Test func emptyIsAbsent() throws {
        let settings = try ExampleSettings.read(environment: ["PORT": "", "STATISTICS_API_URL": ""])
        #expect(settings.server.port == 3000 && settings.reports.url == nil)
    }

    @Test(arguments: [
        "redis:", "http://h", "redis://", "redis://h:0", "redis://h:70000", "h:6379", "redis://h:x", "redis://h/x",
    ])
    func badURLsAreNamedButNotShown(text: String) {
        let found = problems(["REDIS_URL": text])
        let one = "redis:// or rediss:// (TLS) [[user]:password@]host[:port][/database]"
        let several = "redis+cluster://host[:port][,host…], redis+sentinel://host[:port][,host…]/name[/database]"
        #expect(found == ["REDIS_URL: must be a URL, \(one), \(several)"])
    }

    @Test(arguments: [
        "http:", "redis://h", "http://", "http://h:0", "http://h:70000", "h:5000", "http://h:x", "http:// h",
    ])
    func badOptionalURLsAreNoAbsence(text: String) {
        let found = problems(["STATISTICS_API_URL": text])
        #expect(found == ["STATISTICS_API_URL: must be a URL, http:// or https:// with a host"])
    }

    @Test func argumentsThatBelongToNothing() {
        #expect(problems([:], ["--prot", "3"]) == ["--prot: is no option of this service"])
        #expect(problems([:], ["extra"]) == ["extra: belongs to no option"])
        #expect(problems([:], ["--port=1", "--port=2"]).contains("--port: is given twice"))
        #expect(problems([:], ["--port"]) == ["--port: needs exactly one value, without a comma"])
        #expect(problems([:], ["--port=1,2"]) == ["--port: needs exactly one value, without a comma"])
        #expect(problems([:], ["--port", "1", "2"]) == ["2: belongs to no option"])
    }

    @Test func passwordsStayHidden() throws {
        let settings = try ExampleSettings.read(environment: [
            "REDIS_URL": "redis://user:hunter2@h:1", "STATISTICS_API_URL": "http://user:hunter2@s:5000",
        ])
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!"\(settings) \(dumped) \(settings.redis) \(String(reflecting: settings))".contains("hunter2"))
        let url = try #require(settings.reports.url)
        #expect(url.description == "http://***@s:5000" && url.text == "http://user:hunter2@s:5000")
    }

    @Test func declarationsListEachKeyOnce() {
        let keys = ExampleSettings.declarations.map(\.key)
        #expect(keys.count == Set(keys).count && keys.first == "HOST")
        let table = ConfigurationTable.markdown(service: "Example", ExampleSettings.declarations)
        #expect(table.contains("| `PORT` | an integer |  | `3000` | 0 to 65535 |"))
    }

    @Test func appendingPaths() throws {
        let base = try #require(ServiceURL("http://stats:5000/?x=1", schemes: ["http"]))
        #expect(base.appending(path: "/statistics") == "http://stats:5000/statistics")
    }

    @Test(arguments: [
        ("http://Stats:80/", true), ("http://stats?x=1", true), ("https://stats", false), ("http://stats:81", false),
        ("http://stats/a", false), ("http://stats2", false),
    ])
    func oneServerHasSeveralNames(text: String, isSame: Bool) throws {
        let schemes = ["http", "https"]
        let url = try #require(ServiceURL("http://stats", schemes: schemes))
        #expect(try #require(ServiceURL(text, schemes: schemes)).isSameServer(as: url) == isSame)
    }
}
