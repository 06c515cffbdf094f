internal import ArgumentParser
import Foundation
import Identity

/// `SocialAPI make-keys`: a new key to sign tokens with.
struct MakeKeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "SocialAPI make-keys",
        abstract: "Writes a new signing key, and the key set with which every service accepts its tokens.",
        discussion: "Files that are there are left as they are, and that is an error.")

    @Option(help: "The private key: AUTH_SIGNING_KEY_FILE of SocialAPI. Only its owner may read it.")
    var signingKey: String

    @Option(help: "The key set: AUTH_KEYS_FILE of every service.")
    var keys: String

    func run() throws {
        let made = TokenSigner.makeKeys()
        try Self.write(made.signing, to: signingKey, mode: 0o600)
        try Self.write(made.keySet, to: keys, mode: 0o644)
    }

    private static func write(_ text: String, to path: String, mode: mode_t) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw ValidationError("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try file.write(contentsOf: Data(text.utf8))
    }
}
