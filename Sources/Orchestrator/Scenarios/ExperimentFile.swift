import ArgumentParser
import Audience
import Foundation
import Options
import Report
import Testbed
import Yams

/// An experiment as a YAML file: the options of `run` in sections, stages, thresholds, what may fail, and faults at
/// times.
///
///     topology: { readers: 3, placement: overflow }
///     audience: { streams: 100, viewers: 600, shape: zipf:1.0 }
///     workload: { warmup: 2 }
///     stages:
///       - { for: 10, rate: 20, viewers: 300 }
///       - { for: 10, rate: 200, viewers: 600, churn: 0.5 }
///     thresholds: [p99<500ms]
///     allow: [spread]
///     faults:
///       - { at: 8, kill: reader-1, for: 2 }
struct ExperimentFile: Sendable {
    /// One option, and where it stands.
    struct Entry: Equatable, Sendable {
        /// As it is typed, with its dashes.
        var option: String
        var text: String
        /// For instance `topology.readers`.
        var key: String
        var line: Int
    }

    let path: String
    private(set) var entries: [Entry] = []
    private(set) var thresholds: [(text: String, line: Int)] = []
    private(set) var faults: [(fault: TimedFault, line: Int)] = []
    private(set) var stages: [(stage: RunStage, line: Int)] = []
    private var problems: [String] = []

    /// Larger ones are refused: it is read as a whole.
    static let bytesMax = 1 << 20
    static let stagesMax = 100

    /// - Throws: ``Failure/arguments(_:)`` with every problem, each with file, line and key.
    init(reading path: String) throws(Failure) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .arguments(["--file \(path): cannot be read"])
        }
        guard data.count <= Self.bytesMax else {
            throw .arguments(["--file \(path): has \(data.count) bytes; \(Self.bytesMax) are the most"])
        }
        try self.init(String(decoding: data, as: UTF8.self), path: path)
    }

    init(_ text: String, path: String) throws(Failure) {
        self.path = path
        do {
            guard let root = try compose(yaml: text) else { throw Failure.arguments(["\(path): is empty"]) }
            read(root)
        } catch let failure as Failure {
            throw failure
        } catch let error as YamlError {
            throw .arguments(["\(path):\(error)"])
        } catch {
            throw .arguments(["\(path): \(error)"])
        }
        guard problems.isEmpty else { throw .arguments(problems) }
    }

    // MARK: - Sections

    private static let topology = [
        "--readers", "--comment-apis", "--placement", "--swarms", "--redis-nodes", "--redis-replicas",
    ]
    private static let audience = [
        "--streams", "--viewers", "--audience", "--seed", "--churn", "--zaps", "--flash-at",
    ]

    /// What may stand in each section: the key and its option. Every option of `run` has its place: what is said of
    /// neither services nor viewers is the workload.
    static let sections: [(name: String, options: [(key: String, option: String)])] = {
        let workload = RunSettings.optionNames.filter { !(topology + audience + ["--preset", "--allow"]).contains($0) }
        return [("topology", topology), ("audience", audience), ("workload", workload)].map { name, options in
            (name, options.map { ($0 == "--audience" ? "shape" : String($0.dropFirst(2)), $0) })
        }
    }()

    private mutating func refuse(_ node: Yams.Node, _ key: String, _ text: String) {
        problems.append("\(path):\(node.mark?.line ?? 1): \(key): \(text)")
    }

    private mutating func read(_ root: Yams.Node) {
        guard let mapping = root.mapping else {
            return refuse(root, "the file", "must have sections such as topology, audience and workload")
        }
        for (name, value) in mapping {
            let key = name.string ?? "?"
            switch key {
            case "preset": take(value, "--preset", key)
            case "allow": for item in list(value, key) { take(item, "--allow", key) }
            case "thresholds":
                for item in list(value, key) {
                    if let text = scalar(item, key) { thresholds.append((text, item.mark?.line ?? 1)) }
                }
            case "faults": for item in list(value, key) { readFault(item) }
            case "stages":
                for item in list(value, key) {
                    guard stages.count < Self.stagesMax else {
                        return refuse(item, key, "are more than \(Self.stagesMax)")
                    }
                    readStage(item)
                }
            default:
                guard let section = Self.sections.first(where: { $0.name == key }) else {
                    let known = Self.sections.map(\.name) + ["preset", "stages", "thresholds", "allow", "faults"]
                    refuse(name, key, "is not known; there are \(known.joined(separator: ", "))")
                    continue
                }
                readSection(value, key, section.options)
            }
        }
    }

    /// What stands under the keys of a mapping, all of which must be `known`.
    private mutating func fields(
        _ node: Yams.Node, _ section: String, such example: String, _ known: [String]
    ) -> [(key: String, text: String, node: Yams.Node)] {
        guard let mapping = node.mapping else {
            refuse(node, section, "must be \(example)")
            return []
        }
        var fields: [(key: String, text: String, node: Yams.Node)] = []
        for (name, value) in mapping {
            let key = name.string ?? "?"
            if !known.contains(key) {
                refuse(name, "\(section).\(key)", "is not known; there are \(known.joined(separator: ", "))")
            } else if let text = scalar(value, "\(section).\(key)") {
                fields.append((key, text, value))
            }
        }
        return fields
    }

    private mutating func readSection(_ node: Yams.Node, _ section: String, _ known: [(key: String, option: String)]) {
        let example = "keys with values, such as \(known[0].key): 3"
        for field in fields(node, section, such: example, known.map(\.key)) {
            let option = known.first { $0.key == field.key }?.option ?? ""
            let line = field.node.mark?.line ?? 1
            entries.append(Entry(option: option, text: field.text, key: "\(section).\(field.key)", line: line))
        }
    }

    private mutating func readStage(_ node: Yams.Node) {
        let ranges = ["for": 0.1...86_400, "rate": 0...100_000, "churn": 0...600, "viewers": 0...1_000_000]
        var values: [String: Double] = [:]
        let before = problems.count
        for (key, text, value) in fields(
            node, "stages", such: "such as { for: 10, rate: 50 }", ["for", "rate", "churn", "viewers"])
        {
            let (range, isWhole) = (ranges[key] ?? 0...0, key == "viewers")
            guard let number = Double(text), range.contains(number), !isWhole || number == number.rounded() else {
                let bounds = "\(Format.plain(range.lowerBound)) to \(Format.plain(range.upperBound))"
                refuse(value, "stages.\(key) \(text)", "must be a \(isWhole ? "whole " : "")number from \(bounds)")
                continue
            }
            values[key] = number
        }
        guard problems.count == before else { return }
        guard let seconds = values["for"], let rate = values["rate"] else {
            return refuse(node, "stages", "each needs 'for', in seconds, and 'rate', in comments a second")
        }
        let load = LoadStage(rate: rate, churn: values["churn"] ?? 0, viewers: values["viewers"].map { Int($0) })
        stages.append((RunStage(seconds: seconds, load: load), node.mark?.line ?? 1))
    }

    private mutating func readFault(_ node: Yams.Node) {
        let kinds = TimedFault.Kind.allCases.map(\.rawValue)
        var times: [String: Double] = [:]
        var actions: [(TimedFault.Kind, String)] = []
        let before = problems.count
        for (key, text, value) in fields(
            node, "faults", such: "such as { at: 5, kill: reader-1 }", ["at", "for"] + kinds)
        {
            if let kind = TimedFault.Kind(rawValue: key) {
                actions.append((kind, text))
            } else if let number = Double(text), (0...86_400).contains(number), key == "at" || number > 0 {
                times[key] = number
            } else {
                refuse(value, "faults.\(key) \(text)", "must be seconds, a number up to 86400")
            }
        }
        guard problems.count == before else { return }
        guard let at = times["at"], actions.count == 1 else {
            return refuse(node, "faults", "each needs 'at' and one of \(kinds.joined(separator: ", "))")
        }
        let fault = TimedFault(kind: actions[0].0, node: actions[0].1, at: at, seconds: times["for"])
        faults.append((fault, node.mark?.line ?? 1))
    }

    private mutating func take(_ node: Yams.Node, _ option: String, _ key: String) {
        guard let text = scalar(node, key) else { return }
        entries.append(Entry(option: option, text: text, key: key, line: node.mark?.line ?? 1))
    }

    private mutating func scalar(_ node: Yams.Node, _ key: String) -> String? {
        if let text = node.scalar?.string { return text }
        refuse(node, key, "must be one value")
        return nil
    }

    private mutating func list(_ node: Yams.Node, _ key: String) -> [Yams.Node] {
        if let sequence = node.sequence { return Array(sequence) }
        refuse(node, key, "must be a list")
        return []
    }

    // MARK: - Beside the command line

    /// The file's options where none was typed.
    private func words(_ typed: RunSettings) -> [String] {
        let names = Set(typed.typed)
        return entries.filter { !names.contains($0.option) }.flatMap { [$0.option, $0.text] } + typed.typedWords
    }

    /// The settings of the run.
    ///
    /// - Throws: ``Failure/arguments(_:)`` with every problem; what stands in the file is named by line and key.
    func settings(_ typed: RunSettings, _ capacity: Capacity) throws(Failure) -> RunSettings {
        guard let settings = try? RunSettings.parse(words(typed)) else {
            throw .arguments(["\(path): cannot be read as options: \(words(typed).joined(separator: " "))"])
        }
        var problems: [String] = []
        do throws(Failure) {
            var settings = try settings.checked(capacity)
            let stages = stages.map(\.stage)
            problems = RunStage.problems(with: stages, settings).map { index, text in
                "\(path):\(self.stages[index].line): stages: \(text)"
            }
            if !stages.isEmpty { settings.duration = max(stages.total - settings.warmup, 0) }
            problems += TimedFault.problems(with: faults.map(\.fault), settings).map { index, text in
                "\(path):\(faults[index].line): faults: \(text)"
            }
            if problems.isEmpty { return settings }
        } catch {
            guard case .arguments(let found) = error else { throw error }
            problems = found.map { place($0, typed) }
        }
        throw .arguments(problems)
    }

    /// `--viewers 0: must be …` as `file:4: audience.viewers 0: must be …`.
    private func place(_ problem: String, _ typed: RunSettings) -> String {
        let name = String(problem.prefix { !" :,".contains($0) })
        let same = entries.filter { $0.option == name && !typed.typed.contains(name) }
        let entry = same.first { problem.hasPrefix("\(name) \($0.text):") } ?? same.first
        return entry.map { "\(path):\($0.line): \($0.key)\(problem.dropFirst(name.count))" } ?? problem
    }

    /// Its thresholds, unless some were typed.
    ///
    /// - Throws: ``Failure/arguments(_:)`` with every problem.
    func limits(_ report: ReportOptions, _ known: [MetricDefinition]) throws(Failure) -> [Threshold] {
        guard report.thresholds.isEmpty else { return try report.limits(known) }
        return try ReportOptions.limits(thresholds.map { ($0.text, "\(path):\($0.line): thresholds:") }, known)
    }

    /// The command that repeats the run: all options stand in it, and what is typed comes before the file.
    func commandLine(_ typed: RunSettings) -> String {
        (["Orchestrator", "run", "--file", path] + words(typed)).joined(separator: " ")
    }
}
