/// A service's settings as people read them: the section of `docs/CONFIGURATION.md`, and `--help`.
public enum ConfigurationTable {
    /// A Markdown section with one row a key.
    public static func markdown(service: String, _ declarations: [SettingDeclaration]) -> String {
        var lines = [
            "## \(service)", "", "| key | type | unit | default | range | meaning |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for declaration in declarations {
            let cells = [
                "`\(declaration.key)`" + (declaration.fileKey.map { " or `\($0)`" } ?? ""), declaration.type,
                declaration.unit, "`\(declaration.defaultText)`",
                declaration.range, declaration.doc,
            ]
            lines.append("| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What `--help` prints.
    public static func help(service: String, summary: String, _ declarations: [SettingDeclaration]) -> String {
        var text =
            "\(service): \(summary)\n\nEvery option can be given in the environment instead: --some-key is SOME_KEY.\n\n"
        for declaration in declarations {
            let unit = declaration.unit.isEmpty ? "" : " \(declaration.unit)"
            text += "  \(declaration.option) <\(declaration.range)\(unit)>\n"
            text += "      \(declaration.doc) Default: \(declaration.defaultText).\n"
            if let fileKey = declaration.fileKey {
                text += "      Or \(SettingDeclaration.option(fileKey)): a file that holds it.\n"
            }
        }
        return text + """
              --help, --version, --print-configuration
              --check-configuration, before the others: reads the settings, asks Redis whether its user may do what the
                  service does, says what is wrong, and ends with 0, 64 (settings) or 69 (Redis)

            """
    }
}
