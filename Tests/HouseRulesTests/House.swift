import Foundation
import Testing

/// The repository's own files, as the rules read them.
enum House {
    /// The folder that holds Package.swift.
    static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    /// Every Swift file below a folder, sorted; the path is relative to the root.
    static func swiftFiles(below folder: String) -> [SourceFile] {
        files(below: folder).filter { $0.hasSuffix(".swift") }.compactMap { path in
            text(of: path).map { SourceFile(path: path, text: $0) }
        }
    }

    /// The paths of all files below a folder, relative to the root.
    static func files(below folder: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: "\(root)/\(folder)")?.allObjects ?? []
        return all.compactMap { $0 as? String }.map { "\(folder)/\($0)" }.sorted()
    }

    static func text(of path: String) -> String? {
        FileManager.default.contents(atPath: "\(root)/\(path)").map { String(decoding: $0, as: UTF8.self) }
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: "\(root)/\(path)") }

    /// The names of the folders in a folder.
    static func folders(in folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)")) ?? []
        return names.filter { name in
            var isFolder = ObjCBool(false)
            let exists = FileManager.default.fileExists(atPath: "\(root)/\(folder)/\(name)", isDirectory: &isFolder)
            return exists && isFolder.boolValue && !name.hasPrefix(".")
        }.sorted()
    }

    /// What Package.swift calls the channels: `let channels = ["Discord", …]`.
    static func channels() throws -> [String] {
        let manifest = try #require(text(of: "Package.swift"))
        let list = try #require(manifest.firstMatch(of: /let channels = \[([^\]]*)\]/))
        return list.1.matches(of: /"(\w+)"/).map { String($0.1) }.sorted()
    }
}

struct SourceFile: CustomStringConvertible {
    let path: String
    let text: String

    var description: String { path }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// The modules that the file imports.
    var imports: Set<String> {
        Set(
            lines.filter { $0.contains("import ") }.compactMap { line in
                line.firstMatch(
                    of:
                        /^\s*(?:@\w+ )?(?:package |public |internal |private )?import (?:struct |enum |func |class )?(\w+)/
                ).map { String($0.1) }
            }
        )
    }

    /// Lines that are code: neither comments nor within a string of several lines, and without what follows `//`.
    var code: [(number: Int, text: String)] {
        var isText = false
        return lines.enumerated().compactMap { index, line in
            let quotes = line.split(separator: "\"\"\"", omittingEmptySubsequences: false).count - 1
            defer { if quotes % 2 == 1 { isText.toggle() } }
            guard !isText else { return nil }
            let bare = line.drop { $0 == " " }
            guard !bare.hasPrefix("//") else { return nil }
            let end = line.range(of: " // ")?.lowerBound ?? line.endIndex
            return (index + 1, String(line[..<end]))
        }
    }

    /// The code without what stands in string literals; of it the lines that have one of some words, to save time.
    func codeOutsideStrings(having words: [String]) -> [(number: Int, text: String)] {
        code.filter { line in words.contains { line.text.contains($0) } }
            .map { ($0.number, $0.text.replacing(/"(?:\\.|[^"\\])*"/, with: "\"\"")) }
    }

    /// Whether a line, or one of the two before it, carries `// SAFETY:`.
    func isMarkedSafe(_ number: Int) -> Bool {
        lines[max(0, number - 3)..<number].contains { $0.contains("// SAFETY:") }
    }
}
