import FoundationEssentials
import ServiceRuntime
import Testing

@testable import StatsAPI

@Suite struct ConfigurationPageTests {
    /// `make docs` writes the page.
    @Test func thePageSaysWhatTheServiceReads() throws {
        let url = URL(filePath: "../../docs/CONFIGURATION.md", relativeTo: URL(filePath: #filePath))
        let page = try String(contentsOf: url, encoding: .utf8)
        let section = ConfigurationTable.markdown(service: "StatsAPI", StatsAPISettings.declarations)
        #expect(page.contains(section))
    }
}
