import Foundation
import Placement
import Testing

/// Seeded inputs for the parsers: what is right, and the same with mistakes in it.
///
/// An input follows from its seed, 1, 2, 3 …, and nothing else. `CHORUS_FUZZ_INPUTS=1000000 swift test --filter FuzzTests`
/// tries so many for each parser, 2,000 without it; `CHORUS_FUZZ_SEED=7 swift test --filter FuzzTests.queries` tries one
/// again and prints it. A failure names its seed, and so does a trap.
@Suite(.serialized) struct FuzzTests {}

/// What a parser made of an input.
enum Verdict {
    case accepted, refused
    case wrong(String)
}

/// Tries inputs on one parser, and says how to repeat the first on which it is wrong.
///
/// - Parameters:
///   - parser: the name of the test function.
///   - tokens: what mistakes are made of, besides flipped bits, cuts and repetitions.
///   - make: an input that is right, and what it means.
///   - check: with `nil` instead of the meaning, the input has mistakes in it.
func fuzz<Meaning>(
    _ parser: String, tokens: [String], make: (inout Xoshiro256) -> (Meaning, [UInt8]),
    check: (Meaning?, [UInt8], inout Xoshiro256) throws -> Verdict
) {
    CrashReport.install()
    let mutator = Mutator(tokens: tokens)
    var (accepted, refused) = (0, 0)
    for seed in FuzzSeeds.all {
        CrashReport.begins(parser, seed)
        var random = Xoshiro256(seed: seed, purpose: parser)
        let made = make(&random)
        var (meaning, input): (Meaning?, [UInt8]) = made
        if random.below(4) > 0 {
            mutator.mutate(&input, &random)
            meaning = nil
        }
        let verdict: Verdict
        do { verdict = try check(meaning, input, &random) } catch { verdict = .wrong("\(error)") }
        if FuzzSeeds.only != nil { print("\(parser), seed \(seed): \(shown(input))\n\(verdict)") }
        switch verdict {
        case .accepted: accepted += 1
        case .refused: refused += 1
        case .wrong(let problem):
            Issue.record("\(problem)\ninput: \(shown(input))\nreproduce: \(FuzzSeeds.command(parser, seed))")
            CrashReport.ends()
            return
        }
    }
    CrashReport.ends()
    // Inputs of which all are right, or all wrong, prove little.
    let count = FuzzSeeds.all.count
    if count >= 1000 {
        #expect(accepted > count / 10 && refused > count / 50, "\(accepted) accepted, \(refused) refused of \(count)")
    }
}

/// The bytes as a Swift string literal.
func shown(_ bytes: [UInt8]) -> String {
    "\""
        + bytes.map {
            $0 == 0x22 || $0 == 0x5C || $0 < 0x20 || $0 > 0x7E
                ? "\\u{\(String($0, radix: 16))}" : String(UnicodeScalar($0))
        }.joined() + "\" (bytes)"
}

enum FuzzSeeds {
    static let only = number("CHORUS_FUZZ_SEED")
    static let all = only.map { $0...$0 } ?? 1...(number("CHORUS_FUZZ_INPUTS") ?? 2000)

    static func command(_ parser: String, _ seed: UInt64) -> String {
        "CHORUS_FUZZ_SEED=\(seed) swift test --filter FuzzTests.\(parser)"
    }

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }
}

/// Makes mistakes.
struct Mutator {
    private let tokens: [[UInt8]]

    init(tokens: [String]) { self.tokens = tokens.map { Array($0.utf8) } }

    func mutate(_ bytes: inout [UInt8], _ random: inout Xoshiro256) {
        for _ in 0...random.below(3) {
            let place = random.below(bytes.count + 1)
            let length = min(bytes.count - place, 1 + random.below(random.below(4) == 0 ? 64 : 4))
            let part = bytes[place..<(place + length)]
            switch random.below(9) {
            case 0 where length > 0: bytes[place] ^= 1 << UInt8(random.below(8))
            case 1 where length > 0: bytes[place] = UInt8(random.below(256))
            case 2: bytes.removeSubrange(place..<(place + length))
            case 3: bytes.insert(contentsOf: part, at: place)
            case 4: bytes.insert(contentsOf: (0..<random.below(60)).flatMap { _ in part.prefix(8) }, at: place)
            case 5: bytes.removeSubrange(place...)
            case 6: bytes.insert(UInt8(random.below(256)), at: place)
            case 7: bytes.replaceSubrange(place..<(place + length), with: token(&random))
            default: bytes.insert(contentsOf: token(&random), at: place)
            }
        }
    }

    private func token(_ random: inout Xoshiro256) -> [UInt8] {
        tokens.isEmpty ? [0] : tokens[random.below(tokens.count)]
    }
}

extension Xoshiro256 {
    mutating func one<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }

    /// The same bytes in pieces.
    mutating func pieces(of bytes: [UInt8]) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(1 + below(below(3) == 0 ? 200 : 8))
            pieces.append(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }
}

/// Writes how to repeat the input that ended the process, and leaves the rest to whoever handled the signal before.
private enum CrashReport {
    private static let signals = [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE]
    // Written by one test at a time (the suite is serialized), and read by the handler.
    private nonisolated(unsafe) static let text = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
    private nonisolated(unsafe) static var length = 0
    private nonisolated(unsafe) static var before: [Int32: sigaction] = [:]

    static func begins(_ parser: String, _ seed: UInt64) {
        length = 0
        for byte in "\nreproduce: \(FuzzSeeds.command(parser, seed))\n".utf8.prefix(256) {
            text[length] = byte
            length += 1
        }
    }

    static func ends() { length = 0 }

    static func install() {
        guard before.isEmpty else { return }
        for signal in signals {
            var handler = sigaction()
            handler.__sigaction_handler.sa_handler = { signal in
                write(STDERR_FILENO, CrashReport.text, CrashReport.length)
                var old = CrashReport.before[signal] ?? sigaction()
                // The instruction that failed runs again when this returns.
                sigaction(signal, &old, nil)
            }
            var old = sigaction()
            sigaction(signal, &handler, &old)
            before[signal] = old
        }
    }
}
