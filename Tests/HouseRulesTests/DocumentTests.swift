import Testing

/// What the documents say and the code does are the same thing.
@Suite struct DocumentTests {
    /// `PARLEY_HTTP_PORT` for `parley.http.port`.
    static func variable(_ key: some StringProtocol) -> String {
        key.uppercased().replacing(".", with: "_")
    }

    @Test func `the README lists the settings that are read, no more and no fewer`() throws {
        let settings = House.swiftFiles(below: "Sources/ParleyApp/Configuration").map(\.text).joined(separator: "\n")
        let read = Set(
            settings.matches(of: /"((?:parley|openai|ollama|anthropic)(?:\.[a-z]+)+)"/).map { Self.variable($0.1) }
        )
        #expect(read.count > 10)

        let readme = try #require(House.text(of: "README.md"))
        let section = try #require(readme.firstMatch(of: #/\n## Configuration\n([\s\S]*?)\n## /#))
        let rows = section.1.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let listed = Set(
            rows.flatMap { row in
                row.split(separator: "|").first.map { $0.matches(of: /`([A-Z][A-Z_]+)`/).map { String($0.1) } } ?? []
            }
        )
        #expect(read.subtracting(listed).isEmpty, "read, but not in the README")
        #expect(listed.subtracting(read).isEmpty, "in the README, but not read")
    }

    @Test func `the metrics that are counted are in the operator's guide`() throws {
        let guide = try #require(House.text(of: "docs/operating.md"))
        var labels: Set<String> = []
        for file in House.swiftFiles(below: "Sources") where file.text.contains("label:") {
            for match in file.text.matches(of: /(?:Counter|Timer|Gauge|Meter)\(\s*label: "(\w+)"/) {
                labels.insert(String(match.1))
            }
        }
        #expect(labels.count > 5)
        for label in labels.sorted() { #expect(guide.contains("`\(label)`"), "\(label)") }
    }

    @Test func `links within the repository lead somewhere`() throws {
        let documents =
            ["README.md", "CONTRIBUTING.md"]
            + ["docs", "channels", "db", "examples"].flatMap { House.files(below: $0) }.filter { $0.hasSuffix(".md") }
        var links = 0
        for document in documents {
            let text = try #require(House.text(of: document), "\(document) is missing")
            let folder = document.split(separator: "/").dropLast().joined(separator: "/")
            for match in text.matches(of: /\]\(([^)\s#]+)(?:#[^)]*)?\)/) where !match.1.contains("://") {
                links += 1
                let path = folder.isEmpty ? String(match.1) : "\(folder)/\(match.1)"
                #expect(House.exists(path), "\(document) links to \(match.1)")
            }
        }
        #expect(links > 20)
    }

    @Test func `no example leaves an ampersand to the shell`() throws {
        let documents =
            ["README.md", "CONTRIBUTING.md"] + ["docs", "channels", "examples"].flatMap { House.files(below: $0) }
        var values = 0
        for document in documents where [".md", ".env", ".sh"].contains(where: { document.hasSuffix($0) }) {
            let text = try #require(House.text(of: document), "\(document) is missing")
            for line in text.split(separator: "\n") {
                if document.hasSuffix(".env"), !line.hasPrefix("#") {
                    values += 1
                    #expect(line.wholeMatch(of: /[A-Z_]+='[^']*'/) != nil, "\(document): \(line)")
                }
                // Unquoted, it would send what comes before it into the background.
                #expect(line.firstMatch(of: /\b[A-Z_]+=[^\s"'`$]*&[^&\s]/) == nil, "\(document): \(line)")
            }
        }
        #expect(values > 2)
    }

    @Test func `decisions are numbered without a gap, and each tells context, choice and consequences`() throws {
        let files = House.files(below: "docs/decisions").filter { $0.hasSuffix(".md") && !$0.hasSuffix("README.md") }
        #expect(!files.isEmpty)
        for (index, file) in files.enumerated() {
            let number = String(index + 1)
            let name = file.split(separator: "/").last ?? ""
            #expect(name.hasPrefix(String(repeating: "0", count: 4 - number.count) + number + "-"), "\(file)")
            let text = try #require(House.text(of: file))
            for part in ["Context", "Choice", "Consequences"] { #expect(text.contains("\n## \(part)\n"), "\(file)") }
        }
    }
}
