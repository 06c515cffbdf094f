import FoundationEssentials
import ServiceRuntime
import Testing

@testable import SocialAPI

@Suite struct ConfigurationPageTests {
    /// `make docs` writes the page.
    @Test func thePageSaysWhatTheServiceReads() throws {
        let url = URL(filePath: "../../docs/CONFIGURATION.md", relativeTo: URL(filePath: #filePath))
        let page = try String(contentsOf: url, encoding: .utf8)
        let section = ConfigurationTable.markdown(service: "SocialAPI", SocialAPISettings.declarations)
        #expect(page.contains(section))
    }
}
