import Wire

extension SettingsReader {
    /// A whole number within `range`.
    ///
    /// - Parameter defaultText: how the default reads in the docs when it depends on the machine.
    public mutating func integer(
        _ key: String, default fallback: Int, in range: ClosedRange<Int>, unit: String = "", defaultText: String? = nil,
        _ doc: String
    ) -> Int {
        let declaration = SettingDeclaration(
            key: key, type: "an integer", unit: unit, defaultText: defaultText ?? String(fallback),
            range: "\(range.lowerBound) to \(range.upperBound)", doc: doc)
        return value(declaration, default: fallback) { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A number within `range`, fractions included.
    public mutating func number(
        _ key: String, default fallback: Double, in range: ClosedRange<Double>, unit: String = "", _ doc: String
    ) -> Double {
        func text(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? String(number) }
        let declaration = SettingDeclaration(
            key: key, type: "a number", unit: unit, defaultText: text(fallback),
            range: "\(text(range.lowerBound)) to \(text(range.upperBound))", doc: doc)
        return value(declaration, default: fallback) { text in
            Double(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A time in whole milliseconds.
    public mutating func milliseconds(
        _ key: String, default fallback: Int, in range: ClosedRange<Int>, _ doc: String
    ) -> Duration {
        .milliseconds(integer(key, default: fallback, in: range, unit: "milliseconds", doc))
    }

    /// A time in whole seconds.
    public mutating func seconds(
        _ key: String, default fallback: Int, in range: ClosedRange<Int>, _ doc: String
    ) -> Duration {
        .seconds(integer(key, default: fallback, in: range, unit: "seconds", doc))
    }

    /// One of the raw values of an enumeration.
    public mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, default fallback: Choice, _ doc: String
    ) -> Choice {
        let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        let declaration = SettingDeclaration(
            key: key, type: "a word", defaultText: fallback.rawValue, range: "one of \(names)", doc: doc)
        return value(declaration, default: fallback) { Choice(rawValue: $0) }
    }

    /// A name by the rule of ``Wire/Identifier``.
    public mutating func identifier(
        _ key: String, default fallback: String, defaultText: String? = nil, _ doc: String
    ) -> String {
        let declaration = SettingDeclaration(
            key: key, type: "a name", defaultText: defaultText ?? fallback,
            range: "1 to \(Identifier.lengthMax) of letters, digits, . _ - :", doc: doc)
        return value(declaration, default: fallback) { Identifier.isValid($0) ? $0 : nil }
    }

    /// A host name or an address to bind to.
    public mutating func host(_ key: String, default fallback: String, _ doc: String) -> String {
        let declaration = SettingDeclaration(
            key: key, type: "a host name or address", defaultText: fallback,
            range: "1 to 255 characters without spaces", doc: doc)
        return value(declaration, default: fallback) { text in
            text.utf8.count <= 255 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? text : nil
        }
    }

    /// The path of a file that the service reads; it may be absent.
    public mutating func optionalPath(_ key: String, _ doc: String) -> String? {
        let declaration = SettingDeclaration(key: key, type: "a path", range: "a file in PEM", doc: doc)
        return value(declaration, default: nil) { $0 }
    }

    /// A secret that may be absent, of visible ASCII characters. It is never shown.
    public mutating func optionalSecret(_ key: String, length: ClosedRange<Int>, _ doc: String) -> String? {
        let declaration = SettingDeclaration(
            key: key, type: "a secret", range: "\(length.lowerBound) to \(length.upperBound) visible ASCII characters",
            doc: doc, isSecret: true)
        return value(declaration, default: nil) { text in
            guard length.contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
            return text
        }
    }

    /// An address of a server that may be absent. Its password, if any, is never shown.
    ///
    /// - Parameter isPublic: clients are told the address, so it may have neither user nor password.
    public mutating func optionalURL(
        _ key: String, schemes: [String], isPublic: Bool = false, _ doc: String
    ) -> ServiceURL? {
        let forms = schemes.map { $0 + "://" }.joined(separator: " or ")
        let declaration = SettingDeclaration(
            key: key, type: "a URL", range: "\(forms) with a host\(isPublic ? ", without user and password" : "")",
            doc: doc, isSecret: true, isPublic: isPublic)
        return value(declaration, default: nil) { text in
            guard let url = ServiceURL(text, schemes: schemes), !isPublic || !url.hasCredentials else { return nil }
            return url
        }
    }
}
