import ArgumentParser
import Foundation
import Primitives
import Report
import Testbed

/// `Orchestrator up`: the whole product on this machine, until Ctrl-C.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Start the whole product on this machine, and keep it running until Ctrl-C.",
        discussion: """
            Starts Redis, PostgreSQL, all services and the gateway (nginx) on 127.0.0.1 and prints the gateway's URL. What \
            people write, their accounts among it, stays in the folder, and is there again the next time. Who writes has an \
            account; everybody may watch. Logs are in its folder `logs`, those of \
            the time before are removed. With --json the addresses of all parts are printed as a report, once they are up.

            Exit codes: 0 stopped, 64 bad arguments, 69 something needed is missing, or the folder or the port is in use, \
            70 a process died.
            """)

    @Option(help: "Port of the gateway.") var port = 8_080
    @Option(help: "Folder of data and logs.") var folder = ".chorus"
    @Flag(help: "Forget what was written before.") var fresh = false
    @Flag(help: "Six people with accounts who watch, write and like: two or three requests a second.") var demo = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var binaries: BinariesOption

    func validate() throws {
        guard (1...65_535).contains(port) else { throw ValidationError("--port must be 1 to 65535") }
    }

    func run() async throws {
        try await CommandRunner.run { () async throws -> ExitStatus in
            let binaries = try binaries.find(Product.programs, postgres: true)
            _ = try binaries.system("nginx", package: "nginx-light")
            let script = try Product.gatewayScript(above: binaries.directory)
            guard Ports.isFree(port) else {
                throw Failure.unavailable("port \(port) is in use: take another one with --port")
            }
            let home = try UpFolder(folder, fresh: fresh)
            let progress = Progress()
            let command = "Orchestrator up --port \(port) --folder \(folder)\(demo ? " --demo" : "")"
            let base = await Report.begin(
                "up", "The product on this machine", command: command, directory: binaries.directory)
            do {
                try await Testbed.run(Folders(report: home.path, data: home.data), binaries) {
                    [demo, port, output] testbed in
                    let product = Product(testbed: testbed, progress: progress)
                    let gateway = try await product.start(script: script, port: port)
                    let world = demo ? try Demo(testbed) : nil
                    try await world?.start(progress)
                    if output.json {
                        try output.show(product.report(base))
                    } else {
                        StandardOutput.write("\(gateway.url)/")
                    }
                    progress.step("Ctrl-C stops everything")
                    await world?.run()
                    // Until a signal, or the death of a process.
                    while true { try await Task.sleep(for: .seconds(3_600)) }
                }
            } catch Failure.interrupted {
                progress.step("stopped; the data is in \(home.data)")
            }
            return .fine
        }
    }
}
