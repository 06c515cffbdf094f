import Foundation
import Subprocess
import SystemPackage

extension Software {
    /// What runs here; the commit from `git` in the folder of the binaries, if there is one.
    static func current(directory: String) async -> Software {
        Software(commit: await commit(in: directory), build: buildMode, redis: nil)
    }

    private static func commit(in directory: String) async -> String? {
        guard let hash = await git(["rev-parse", "--short=12", "HEAD"], in: directory), !hash.isEmpty else {
            return nil
        }
        let changes = await git(["status", "--porcelain", "--untracked-files=no"], in: directory) ?? ""
        return changes.isEmpty ? hash : hash + "+"
    }

    private static func git(_ arguments: [String], in directory: String) async -> String? {
        let result = try? await Subprocess.run(
            .name("git"), arguments: Arguments(["-C", directory] + arguments), output: .string(limit: 1 << 20),
            error: .discarded)
        guard let result, result.terminationStatus.isSuccess else { return nil }
        return result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
