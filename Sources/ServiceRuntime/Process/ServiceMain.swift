import FoundationEssentials
import Glibc
import Hummingbird
import Identity
import Logging
import Metrics
import NIOCore
import Primitives
import ServiceLifecycle
import UnixSignals

/// The main program of every service: reads the settings, starts log, metrics and services, handles signals, and exits.
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

    /// Runs a service until it is stopped, then ends the process with a code of ``ExitCode``.
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
            let isCheck = arguments.first == "--check-configuration"
            let settings = try Settings.read(
                arguments: isCheck ? Array(arguments.dropFirst()) : arguments,
                environment: ProcessInfo.processInfo.environment)
            if isCheck { try await check(settings, name: name) }
            let process = start(name, settings.server)
            try await process.access.load()
            if settings.server.access.mode == .off {
                process.logger.warning("AUTH is off: everybody is whoever a request says")
            }
            let assembly = try await assemble(settings, process)
            try await serve(assembly, process)
            process.logger.info("stopped")
            exit(ExitCode.fine.rawValue)
        } catch let error as ConfigurationError {
            StandardError.write("\(name): settings that cannot be used:\n\(error)")
            exit(ExitCode.usage.rawValue)
        } catch let failure as ServiceFailure {
            StandardError.write("\(name): \(failure)")
            exit(failure.code.rawValue)
        } catch {
            StandardError.write("\(name): \(error)")
            exit(ExitCode.internal.rawValue)
        }
    }

    /// `--help`, `--version` and `--print-configuration` read no settings.
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
        StandardOutput.write(text, newline: false)
        exit(ExitCode.fine.rawValue)
    }

    /// Ends the process with 0 when everything that could be tried is fine.
    private static func check(_ settings: some ServiceSettings, name: String) async throws(ServiceFailure) {
        let problems = await settings.redisNeeds?.problems() ?? []
        guard problems.isEmpty else { throw ServiceFailure(.unavailable, problems.joined(separator: "\n\(name): ")) }
        StandardOutput.write("\(name): the settings can be used, and Redis allows what it needs")
        exit(ExitCode.fine.rawValue)
    }

    private static func start(_ name: String, _ server: ServerSettings) -> ServiceProcess {
        // A write to a closed connection returns EPIPE and does not end the process.
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
        let application = process.makeApplication(router: assembly.router, crossOrigin: assembly.crossOrigin)
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
        } catch let error as SocketAddressError.UnknownHost {
            let reason = "is no name or address that can be resolved (\(error.errorDescription))"
            throw ConfigurationError(
                problems: [SettingProblem(key: "HOST", value: process.server.host, reason: reason)])
        }
    }
}

/// SIGTERM, SIGINT and SIGHUP: the first one stops gracefully, the second one at once.
private enum StopSignals {
    /// Runs `operation` while signals stop `group`.
    static func withHandling(
        of group: ServiceGroup, logger: Logger, _ operation: @escaping @Sendable () async throws -> Void
    ) async throws {
        // Under `nohup` the end of a terminal is to be ignored.
        var hangup = sigaction()
        sigaction(SIGHUP, nil, &hangup)
        let isIgnored = unsafeBitCast(hangup.__sigaction_handler.sa_handler, to: Int.self) == 1
        let trapped: [UnixSignal] = [.sigterm, .sigint] + (isIgnored ? [] : [.sighup])
        let signals = await UnixSignalsSequence(trapping: trapped)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                var isStopping = false
                for await signal in signals {
                    if isStopping {
                        logger.warning("stopped by a second signal", metadata: ["signal": "\(signal)"])
                        _exit(ExitCode.interrupted.rawValue)
                    }
                    isStopping = true
                    logger.info("stopping", metadata: ["signal": "\(signal)"])
                    await group.triggerGracefulShutdown()
                }
            }
            defer { tasks.cancelAll() }
            try await operation()
        }
    }
}

/// How a process ended. The numbers below 128 are those of sysexits.h where one fits.
public enum ExitCode: Int32, Sendable {
    /// Stopped in order.
    case fine = 0
    /// Arguments or settings that cannot be used.
    case usage = 64
    /// An audit found a loss.
    case loss = 65
    /// Something that is needed cannot be had: a server, a port.
    case unavailable = 69
    /// A fault of the program, or a process that died.
    case `internal` = 70
    /// A second signal ended the process before its stop was complete.
    case interrupted = 130
}

/// Ends a service with a code and a sentence for the person who started it.
public struct ServiceFailure: Error, CustomStringConvertible {
    public var code: ExitCode
    public var message: String

    public init(_ code: ExitCode, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
