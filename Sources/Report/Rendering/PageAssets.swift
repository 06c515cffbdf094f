import Foundation

/// What a page needs besides the report, so that it can have everything in it.
public struct PageAssets: Sendable {
    /// Chart.js, version 3 or later; `nil`: no plots.
    var script: String?
    /// Family and WOFF2; none: the page takes what the system has.
    var fonts: [(family: PageFont, file: Data)] = []

    enum PageFont: String, CaseIterable {
        case karla = "font-family: Karla; font-weight: 200 800"
        case vollkorn = "font-family: Vollkorn; font-weight: 500; font-style: italic"
        // Figures only: points, commas and units are as narrow as in the text.
        case b612Mono = "font-family: \"B612 Mono\"; unicode-range: U+0030-0039"

        var fileName: String {
            switch self {
            case .karla: "karla.woff2"
            case .vollkorn: "vollkorn.woff2"
            case .b612Mono: "b612-mono.woff2"
            }
        }
    }

    /// Chart.js as Debian's `libjs-chart.js` installs it.
    static let scripts = [
        "/usr/share/javascript/chart.js/chart.min.js", "/usr/share/javascript/chart.js/Chart.min.js",
        "/usr/share/javascript/chart.js/chart.js", "/usr/share/nodejs/chart.js/dist/chart.min.js",
        "/usr/share/nodejs/chart.js/dist/chart.js",
    ]

    static let missing =
        "Chart.js was not found, so that report.html has no plots: install it with 'apt-get install libjs-chart.js'"

    init(script: String?, fonts: [(family: PageFont, file: Data)] = []) {
        self.script = script
        self.fonts = fonts
    }

    /// - Parameters:
    ///   - scripts: the first that can be read is taken.
    ///   - fontFolder: `nil` outside of a checkout.
    init(scripts: [String], fontFolder: String?) {
        script = scripts.lazy.compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }.first
        guard let fontFolder else { return }
        fonts = PageFont.allCases.compactMap { font in
            FileManager.default.contents(atPath: "\(fontFolder)/\(font.fileName)").map { (font, $0) }
        }
    }

    /// Of this machine: the app's fonts come from `WEB_FOLDER`, or from the checkout that this program is in.
    public static let installed: PageAssets = {
        let web = ProcessInfo.processInfo.environment["WEB_FOLDER"].map { "\($0)/app/fonts" }
        return PageAssets(scripts: scripts, fontFolder: web ?? Checkout.file("web/app/fonts"))
    }()

    /// The fonts inside of the page.
    var style: String {
        fonts.map { font, file in
            "@font-face { \(font.rawValue); src: url(data:font/woff2;base64,\(file.base64EncodedString())) format(\"woff2\"); }\n"
        }.joined() + PageAssets.sheet
    }

    /// The words and colours are those of the app and the dashboard (web/app/app.css, web/dashboard/dashboard.css); `--map`
    /// is the end of the map's ramp, and series take turns with the rest.
    static let sheet = """
        :root {
          color-scheme: dark light;
          --ground: #0e0e19; --text: #efebe2; --quiet: #aaa6b3; --hairline: #343344;
          --amber: #f4af41; --teal: #57d4d4; --map: oklch(0.86 0.14 85);
          --violet: oklch(0.76 0.12 300); --green: oklch(0.82 0.13 135); --rose: oklch(0.76 0.13 350);
        }
        @media (prefers-color-scheme: light) {
          :root {
            --ground: #faf6ef; --text: #1e1d2d; --quiet: #5f5c6b; --hairline: #d9d4c9;
            --amber: #975800; --teal: #006c76; --map: oklch(0.22 0.03 285);
            --violet: oklch(0.46 0.16 300); --green: oklch(0.48 0.12 135); --rose: oklch(0.5 0.17 350);
          }
        }
        * { box-sizing: border-box; margin: 0; padding: 0; }
        html { background: var(--ground); -webkit-text-size-adjust: 100%; }
        body { color: var(--text); font: 400 16px/24px Karla, system-ui, sans-serif; overflow-wrap: anywhere; }
        .bar { display: flex; align-items: center; justify-content: space-between; gap: 16px; min-height: 52px; padding: 0 16px; border-bottom: 1px solid var(--hairline); }
        .wordmark { font: italic 500 24px/28px Vollkorn, Georgia, serif; }
        .figure, .number, dd { font-family: "B612 Mono", Karla, ui-monospace, monospace; font-variant-numeric: tabular-nums; }
        .figure { font-size: 12px; color: var(--quiet); }
        h1, h2, figcaption { font: 700 13px/24px Karla, system-ui, sans-serif; color: var(--quiet); }
        .says { display: grid; gap: 12px; padding: 20px 16px 24px; max-width: 1200px; }
        .lead { font: italic 500 26px/32px Vollkorn, Georgia, serif; font-variant-numeric: lining-nums; text-wrap: balance; }
        .summary { font-size: 18px; line-height: 28px; max-width: 80ch; text-wrap: pretty; }
        .verdict { max-width: 100ch; }
        .bad { color: var(--amber); font-weight: 700; }
        .verdict.bad { border-left: 2px solid var(--amber); padding-left: 14px; }
        .main-figures { display: grid; grid-template-columns: repeat(2, 1fr); border-top: 1px solid var(--hairline); }
        .main-figures > div { padding: 10px 16px 12px; border-left: 1px solid var(--hairline); }
        .main-figures > div:nth-child(odd) { border-left: 0; }
        .main-figures > div:nth-child(n + 3) { border-top: 1px solid var(--hairline); }
        dt { font-size: 13px; line-height: 20px; color: var(--quiet); }
        dd { font-size: 24px; line-height: 28px; letter-spacing: -0.06em; }
        section.map, .plots > *, .tables > *, .missing { padding: 12px 16px 20px; border-top: 1px solid var(--hairline); min-width: 0; }
        .map-frame { display: grid; grid-template-columns: 72px minmax(0, 1fr); margin: 8px 0 12px; }
        .map-frame ol { list-style: none; }
        .map-frame li { height: 24px; line-height: 24px; padding-right: 8px; overflow: hidden; font-size: 11px; color: var(--quiet); white-space: nowrap; text-overflow: ellipsis; }
        .map-frame svg { display: block; width: 100%; fill: var(--map); }
        .map-frame path { stroke: var(--hairline); vector-effect: non-scaling-stroke; }
        .legend { font-size: 13px; line-height: 20px; color: var(--quiet); max-width: 100ch; }
        .plot { position: relative; height: 260px; }
        .scroll { overflow-x: auto; }
        table { width: 100%; border-collapse: collapse; font-size: 14px; line-height: 20px; overflow-wrap: break-word; }
        th, td { text-align: left; vertical-align: baseline; padding: 6px 0 6px 16px; border-top: 1px solid var(--hairline); font-weight: 400; min-width: 5ch; }
        th:first-child, td:first-child { padding-left: 0; }
        thead th { border-top: 0; font-size: 13px; color: var(--quiet); white-space: nowrap; }
        .number { text-align: right; font-size: 12px; white-space: nowrap; }
        thead .number { font-family: inherit; }
        footer { padding: 16px; border-top: 1px solid var(--hairline); font-size: 13px; line-height: 20px; color: var(--quiet); }
        footer code { font-family: "B612 Mono", ui-monospace, monospace; font-size: 12px; color: var(--text); }
        @media (min-width: 900px) {
          .bar, .main-figures > div, section.map, .plots > *, .tables > *, .missing, footer { padding-left: 24px; padding-right: 24px; }
          .says { padding: 28px 24px; }
          .lead { font-size: 36px; line-height: 44px; }
          .main-figures { grid-template-columns: repeat(4, 1fr); }
          .main-figures > div:nth-child(3) { border-left: 1px solid var(--hairline); }
          .main-figures > div:nth-child(n + 3) { border-top: 0; }
          .map-frame { grid-template-columns: 120px minmax(0, 1fr); }
          .plots, .tables { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
          .plots > :nth-child(even) { border-left: 1px solid var(--hairline); }
          .plots > :last-child:nth-child(odd), .tables > .wide { grid-column: 1 / -1; }
          .plot { height: 320px; }
        }
        @media print { .plots > *, section.map, tr { break-inside: avoid; } }
        """

    /// Makes a Chart.js plot of each entry of `charts`, again when the theme changes.
    static let drawing = """
        const family = (size, face) => ({ size, family: face + ', Karla, system-ui, sans-serif' });
        const wide = matchMedia('(min-width: 900px)').matches;
        let drawn = [];
        function draw() {
          const style = getComputedStyle(document.documentElement);
          const ink = name => style.getPropertyValue('--' + name);
          const colours = ['amber', 'teal', 'violet', 'green', 'rose', 'quiet'].map(ink);
          Chart.defaults.color = ink('quiet');
          Chart.defaults.borderColor = ink('hairline');
          Chart.defaults.font = family(13, 'Karla');
          drawn.forEach(chart => chart.destroy());
          drawn = charts.map((chart, number) => {
            const bar = chart.kind === 'bar';
            const datasets = chart.series.map((series, index) => {
              const colour = colours[(series.colour ?? index) % colours.length];
              return {
                label: series.name,
                data: bar ? chart.labels.map((_, place) => series.points.find(point => point.x === place)?.y ?? null) : series.points,
                backgroundColor: colour, borderColor: colour, borderWidth: bar ? 0 : 1.5,
                showLine: chart.kind === 'line' && series.style !== 'points',
                pointRadius: series.style === 'markedLine' ? 2.5 : series.style === 'points' ? 5 : 0,
                pointStyle: chart.kind === 'line' && series.style === 'line' ? 'line' : 'circle',
              };
            });
            const ticks = { font: family(11, '"B612 Mono"') };
            const axis = text => ({ title: { display: text !== '', text }, beginAtZero: true, ticks, border: { display: false } });
            const nines = { ...axis(chart.xTitle), type: 'logarithmic', beginAtZero: false, ticks: { ...ticks, autoSkip: false, maxRotation: 0, callback: x => x === 2 || Number.isInteger(Math.log10(x)) ? String(Number((100 - 100 / x).toFixed(4))) : '' } };
            return new Chart(document.getElementById('chart-' + number), {
              type: bar ? 'bar' : 'scatter',
              data: bar ? { labels: chart.labels, datasets } : { datasets },
              options: {
                maintainAspectRatio: false, animation: false, interaction: { mode: 'nearest', intersect: false },
                plugins: {
                  tooltip: { cornerRadius: 0, backgroundColor: ink('ground'), titleColor: ink('text'), bodyColor: ink('text'), borderColor: ink('quiet'), borderWidth: 1 },
                  legend: { display: chart.series.length > 1, align: 'start', labels: { usePointStyle: true, boxWidth: wide ? 24 : 12, boxHeight: 7 } },
                },
                scales: {
                  x: bar ? { title: { display: chart.xTitle !== '', text: chart.xTitle }, ticks, grid: { display: false } } : chart.isOfPercentiles ? nines : axis(chart.xTitle),
                  y: axis(chart.yTitle),
                },
              },
            });
          });
        }
        // A canvas does not wait for its fonts.
        Promise.allSettled(['13px Karla', '11px "B612 Mono"'].map(font => document.fonts.load(font, '0'))).then(draw);
        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
        """
}

/// The checkout that a program is in.
public enum Checkout {
    /// Looked for in the current folder, and in those above `directory`; that of this program by default.
    public static func file(_ path: String, above directory: String? = nil) -> String? {
        let files = FileManager.default
        let program = (try? files.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "/"
        var folders = [
            URL(fileURLWithPath: files.currentDirectoryPath),
            directory.map { URL(fileURLWithPath: $0) } ?? URL(fileURLWithPath: program).deletingLastPathComponent(),
        ]
        while let last = folders.last, last.path != "/" { folders.append(last.deletingLastPathComponent()) }
        return folders.map { $0.appendingPathComponent(path).path }.first { files.fileExists(atPath: $0) }
    }
}
