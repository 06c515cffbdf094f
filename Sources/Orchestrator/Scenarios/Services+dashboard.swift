import Foundation
import Report
import Testbed

extension Services {
    /// With the files of the dashboard; `nil` outside of a checkout.
    static let webFolder = Checkout.file("web/dashboard/index.html").map {
        URL(fileURLWithPath: $0).deletingLastPathComponent().deletingLastPathComponent().path
    }

    /// Says where the dashboard is; in a browser too, where there is a display.
    func showDashboard(_ progress: Progress, opens: Bool) {
        guard let statistics = told.statistics else { return }
        guard Services.webFolder != nil else {
            return progress.step("statistics: \(statistics)/statistics while it runs; the dashboard needs a checkout")
        }
        let url = "\(statistics)/"
        progress.step("dashboard: \(url) while it runs")
        guard opens else { return }
        let environment = ProcessInfo.processInfo.environment
        guard ["DISPLAY", "WAYLAND_DISPLAY"].contains(where: { environment[$0] ?? "" != "" }) else {
            return progress.step("  there is no display here to open it on")
        }
        let browser = Process()
        browser.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        browser.arguments = ["xdg-open", url]
        // What a browser has to say is not part of a run.
        (browser.standardInput, browser.standardOutput) = (FileHandle.nullDevice, FileHandle.nullDevice)
        browser.standardError = FileHandle.nullDevice
        browser.terminationHandler = { browser in
            if browser.terminationStatus != 0 {
                progress.step("  xdg-open could not open it (exit code \(browser.terminationStatus))")
            }
        }
        do { try browser.run() } catch {
            progress.step("  xdg-open could not be started: \(error.localizedDescription)")
        }
    }
}
