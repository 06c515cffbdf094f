/// One document for every result of the laboratory: what was run, where, what was measured, and whether it is good.
///
/// A kind of experiment makes this value; it is rendered, compared and held against thresholds in one place.
public struct Report: Codable, Equatable, Sendable {
    /// Of `report.json`. Grows when a member changes its meaning or goes away.
    public static let formatVersion = 2

    public private(set) var format = Report.formatVersion
    /// `run`, `drill`, `sweep` and so on. Reports of one kind can be compared.
    public var kind: String
    public var title: String
    /// For somebody who reads one sentence.
    public var summary = ""
    /// The command that repeats it.
    public var command: String
    /// What ``command`` was told.
    public private(set) var parameters: [Parameter]
    public var environment: Environment
    /// What a reader has to know besides.
    public var notes: [String] = []
    /// UTC, ISO 8601.
    public var startedAt: String
    public var finishedAt = ""
    public var metrics: [Metric] = []
    public var tables: [Table] = []
    /// Titles of tables, and groups of metrics, that are left out on a terminal.
    public var details: [String] = []
    /// Names of metrics of the whole that a page shows large, at most four; `nil` for none.
    public var highlights: [String]?
    public var charts: [Chart] = []
    public var maps: [SubscriptionMap] = []
    public var samples: [Samples] = []
    public var verdict = Verdict()

    public init(kind: String, title: String, command: String, environment: Environment, startedAt: String) {
        self.kind = kind
        self.title = title
        self.command = command
        self.environment = environment
        self.startedAt = startedAt
        parameters = Parameter.all(in: command)
    }

    /// The value of a metric; `nil` when it was not measured.
    public func value(_ name: String, scope: String = "") -> Double? {
        metrics.first { $0.name == name && $0.scope == scope }?.value
    }

    /// One option of the command.
    public struct Parameter: Codable, Equatable, Sendable {
        public var name: String
        public var value: String

        /// `--name value` pairs; an option without a value has an empty one. What comes before the first is `command`.
        static func all(in command: String) -> [Parameter] {
            let parts = command.split(separator: " ").split { $0.hasPrefix("--") }.map { $0.joined(separator: " ") }
            let names = command.split(separator: " ").filter { $0.hasPrefix("--") }.map { String($0.dropFirst(2)) }
            let first = command.hasPrefix("--") ? [] : parts.prefix(1).map { Parameter(name: "command", value: $0) }
            return first + zip(names, parts.dropFirst(first.count)).map { Parameter(name: $0, value: $1) }
        }
    }

    /// What was seen over time: one row a moment, the first column is the time in seconds.
    public struct Samples: Codable, Equatable, Sendable {
        public var name: String
        public var columns: [String]
        public var rows: [[Double]]

        public init(_ name: String, _ columns: [String], rows: [[Double]]) {
            self.name = name
            self.columns = columns
            self.rows = rows
        }
    }
}

extension Report {
    /// The programs and the machine of a measurement; an absolute time means little without them.
    public struct Environment: Codable, Equatable, Sendable {
        /// Of the repository that the command was built in, with `+` when the tree had changes; `nil` outside of one.
        public var commit: String?
        /// `debug` or `release`.
        public var build: String
        /// Redis's own version.
        public var redis: String?
        public var cores: Int
        public var memoryBytes: Int
        /// For instance `Linux 6.1.0`.
        public var kernel: String
        public var processor: String
        /// Hard limit for one process.
        public var descriptorsMax: Int

        public init(
            commit: String?, build: String, cores: Int, memoryBytes: Int, kernel: String, processor: String,
            descriptorsMax: Int
        ) {
            self.commit = commit
            self.build = build
            self.cores = cores
            self.memoryBytes = memoryBytes
            self.kernel = kernel
            self.processor = processor
            self.descriptorsMax = descriptorsMax
        }

        public var machine: String {
            "\(processor), \(cores) cores, \(Format.bytes(Double(memoryBytes))), \(kernel), \(descriptorsMax) descriptors"
        }

        /// What must be the same for a fair comparison.
        var circumstances: [(name: String, value: String)] {
            [("the build", build), ("the processor", processor), ("the number of cores", "\(cores)")]
        }
    }
}

/// Why a report cannot be read, written or held against something.
public enum ReportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was typed, or a file that was named, is not what it must be.
    case invalid(String)
    case cannotWrite(String)

    public var description: String {
        switch self {
        case .invalid(let text), .cannotWrite(let text): text
        }
    }
}
