import Foundation
import ParleyCore
import Testing

/// Rules that a review would otherwise have to remember.
@Suite struct CodeTests {
    static let sources = House.swiftFiles(below: "Sources")

    @Test func `no file of the product is longer than 450 lines`() {
        #expect(Self.sources.count > 100)
        for file in Self.sources {
            #expect(file.lines.count <= 451, "\(file) has \(file.lines.count) lines: a second story has started in it")
        }
    }

    @Test func `every limit has its reason`() throws {
        let file = try #require(Self.sources.first { $0.path == "Sources/ParleyCore/Limits.swift" })
        var limits = 0
        for (index, line) in file.lines.enumerated() where line.contains("static let ") {
            limits += 1
            let before = file.lines[index - 1].drop { $0 == " " }
            #expect(before.hasPrefix("///") && before.count > 12, "\(file):\(index + 1) has no reason")
        }
        #expect(limits > 40)
    }

    /// What can trap or hides a data race; allowed where `// SAFETY:` says why it cannot.
    static var forbidden: [(name: String, pattern: Regex<Substring>)] {
        [
            ("@unchecked Sendable", /@unchecked\s+Sendable/),
            ("nonisolated(unsafe)", /nonisolated\(unsafe\)/),
            ("try!", /\btry!/),
            ("as!", /\bas!/),
            ("fatalError", /\bfatalError\(/),
            ("a forced unwrap", /[\w\)\]]!(?!=)(?=[\s.,;:)\]]|$)/),
            ("an implicitly unwrapped optional", /:\s*\[?[A-Z]\w*\]?!/),
            ("print", /(?:^|[^.\w])print\(/),
            ("an unstructured task", /\bTask(?:\.detached)?\s*(?:\([^)]*\))?\s*\{/),
        ]
    }

    /// A line without any of these has nothing of the above.
    static let suspicious = ["!", "@unchecked", "(unsafe)", "fatalError", "print(", "Task"]

    @Test func `nothing in the product can trap, race or run without a parent, but where a comment says why not`() {
        let forbidden = Self.forbidden
        for file in Self.sources {
            for line in file.codeOutsideStrings(having: Self.suspicious) {
                for (name, pattern) in forbidden where line.text.contains(pattern) {
                    // Commands speak to people.
                    if name == "print", file.path.hasPrefix("Sources/parley/") { continue }
                    #expect(file.isMarkedSafe(line.number), "\(file):\(line.number) has \(name)")
                }
            }
        }
    }

    @Test func `the rule finds what it forbids`() {
        let bad = [
            "let a = b!", "f(x!)", "a[0]!.c", "try! f()", "x as! Y", "var a: String!", "Task { }", "Task.detached { }",
            "final class A: @unchecked Sendable {}", "nonisolated(unsafe) var a = 1", "print(a)", "fatalError()",
        ]
        let good = [
            "if !a { }", "a != b", "let a = \"Hi!\"", "Task.sleep(for: a)", "withTaskGroup { }", "footprint(a)",
            "// a!",
        ]
        for text in bad {
            let lines = SourceFile(path: "bad", text: text).codeOutsideStrings(having: Self.suspicious)
            #expect(lines.contains { line in Self.forbidden.contains { line.text.contains($0.pattern) } }, "\(text)")
        }
        for text in good {
            let lines = SourceFile(path: "good", text: text).codeOutsideStrings(having: Self.suspicious)
            #expect(!lines.contains { line in Self.forbidden.contains { line.text.contains($0.pattern) } }, "\(text)")
        }
    }

    @Test func `tests are Swift Testing's, and see no more than other targets do`() {
        for file in House.swiftFiles(below: "Tests") where !file.path.hasPrefix("Tests/HouseRulesTests/") {
            #expect(!file.imports.contains("XCTest"), "\(file)")
            #expect(!file.text.contains("@testable"), "\(file)")
        }
    }

    @Test func `every upcoming feature that the manifest names is known to the compiler`() throws {
        let manifest = try #require(House.text(of: "Package.swift"))
        let named = manifest.matches(of: /enableUpcomingFeature\("(\w+)"\)/).map { String($0.1) }
        #expect(!named.isEmpty)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["swiftc", "-print-supported-features"]
        let output = Pipe()
        compiler.standardOutput = output
        compiler.standardError = FileHandle.nullDevice
        try compiler.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        compiler.waitUntilExit()
        let features = try JSON(parsing: Array(bytes))["features"]?["upcoming"]?.array ?? []
        let known = Set(features.compactMap { $0["name"]?.string })
        #expect(Set(named).subtracting(known).isEmpty)
    }

    @Test func `the Makefile explains every target`() throws {
        let makefile = try #require(House.text(of: "Makefile"))
        let phony = try #require(makefile.firstMatch(of: /\n\.PHONY: (.*)\n/))
        for target in phony.1.split(separator: " ") {
            #expect(makefile.contains("\n\(target):"))
            #expect(
                makefile.split(separator: "\n").contains { $0.hasPrefix("\(target):") && $0.contains(" ## ") },
                "\(target)"
            )
        }
    }
}
