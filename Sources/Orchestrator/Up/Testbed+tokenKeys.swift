import Foundation
import Testbed

extension Testbed {
    /// What tokens are signed with, and the set that they are accepted by: made once, so that people stay logged in.
    func tokenKeys() async throws -> (signing: String, accepting: String) {
        let folder = try folders.secrets("keys")
        let (signing, accepting) = ("\(folder)/signing.json", "\(folder)/keys.json")
        // It is written last.
        guard !FileManager.default.fileExists(atPath: accepting) else { return (signing, accepting) }
        try? FileManager.default.removeItem(atPath: signing)
        let specification = ChildSpecification(
            name: "make-keys", executable: try binaries.own("SocialAPI"),
            arguments: ["make-keys", "--signing-key", signing, "--keys", accepting],
            log: folders.log("make-keys"))
        try await supervisor.run(specification)
        return (signing, accepting)
    }
}
