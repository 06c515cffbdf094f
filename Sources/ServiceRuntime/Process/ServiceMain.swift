import Glibc
import Hummingbird
import Logging
import Metrics
import NIOCore
import Primitives
import ServiceLifecycle

/// The main program of every service: settings, log, metrics, services, signals, exit code.
///
/// ```swift
/// @main enum CommentAPI {
///     static func main() async {
///         await ServiceMain.run("CommentAPI", summary: "takes comments", CommentAPISettings.self) { settings, process in
///             ServiceAssembly(router: process.makeRouter(), services: [])
///         }
///     }
/// }
/// ```
public enum ServiceMain {
    /// The release, as `--version` prints it.
    public static let version = "0.1.0"

    /// Runs a service until it is told to stop, then ends the process with a code of ``ExitCode``.
    ///
    /// - Parameters:
    ///   - summary: half a sentence for `--help`.
    ///   - assemble: builds the parts; throws ``ServiceFailure`` to end with a code of its own.
    public static func run<Settings: ServiceSettings>(
        _ name: String, summary: String, _ type: Settings.Type,
        assemble: @Sendable (Settings, ServiceProcess) async throws -> ServiceAssembly
    ) async -> Never {
        let arguments = Array(CommandLine.arguments.dropFirst())
        answerAndExit(arguments, name: name, summary: summary, declarations: Settings.declarations)
        do {
            let settings = try Settings.read(arguments: arguments, environment: environment())
            let process = start(name, settings.server)
            let assembly = try await assemble(settings, process)
            try await serve(assembly, process)
            process.logger.info("stopped")
            exit(ExitCode.fine.rawValue)
        } catch let error as ConfigurationError {
            complain("\(name): settings that cannot be used:\n\(error)")
            exit(ExitCode.usage.rawValue)
        } catch let failure as ServiceFailure {
            complain("\(name): \(failure)")
            exit(failure.code.rawValue)
        } catch {
            complain("\(name): \(error)")
            exit(ExitCode.internal.rawValue)
        }
    }

    /// `--help` and its kind answer without reading a single setting.
    private static func answerAndExit(
        _ arguments: [String], name: String, summary: String, declarations: [SettingDeclaration]
    ) {
        let text: String
        switch arguments.first {
        case "--help", "-h": text = ConfigurationTable.help(service: name, summary: summary, declarations)
        case "--version": text = "\(name) \(version)\n"
        case "--print-configuration": text = ConfigurationTable.markdown(service: name, declarations)
        default: return
        }
        emit(text, to: STDOUT_FILENO)
        exit(ExitCode.fine.rawValue)
    }

    private static func start(_ name: String, _ server: ServerSettings) -> ServiceProcess {
        // Writing to a connection that the other side has closed is an error to be handled, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let descriptorsMax = DescriptorLimit.raise()
        let level = server.logLevel
        LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level) }
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        ProcessMetrics.register(in: registry, descriptorsMax: descriptorsMax)
        return ServiceProcess(
            name: name, server: server, logger: Logger(label: server.instance), metrics: registry,
            descriptorsMax: descriptorsMax)
    }

    private static func serve(_ assembly: ServiceAssembly, _ process: ServiceProcess) async throws {
        let application = process.makeApplication(
            router: assembly.router, crossOrigin: assembly.crossOrigin)
        var quiet = process.logger
        if quiet.logLevel == .info { quiet.logLevel = .notice }
        var configuration = ServiceGroupConfiguration(services: assembly.services(with: application), logger: quiet)
        configuration.maximumGracefulShutdownDuration = assembly.drain + process.server.stopTimeout
        let group = ServiceGroup(configuration: configuration)
        do {
            try await StopSignals.withHandling(of: group, logger: process.logger) { try await group.run() }
        } catch let error as IOError {
            throw ServiceFailure(
                .unavailable, "cannot listen on \(process.server.host):\(process.server.port): \(error.description)")
        }
    }

    private static func complain(_ text: String) {
        emit(text + "\n", to: STDERR_FILENO)
    }

    private static func emit(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }

    private static func environment() -> [String: String] {
        var values: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return values
    }
}
