import ArgumentParser

@main
struct Orchestrator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Orchestrator",
        abstract: "Starts the whole of Chorus on this machine, drives it with simulated viewers, and measures.",
        subcommands: [
            UpCommand.self, RunCommand.self, PredictCommand.self, SweepCommand.self, ScaleCommand.self,
            PlanCommand.self,
            CalibrateCommand.self, LikesCommand.self, CompareCommand.self, DrillCommand.self, ScaleReaderCommand.self,
        ])
}
