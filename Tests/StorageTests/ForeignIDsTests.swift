import Foundation
import ParleyTesting
import Testing

/// Whoever writes a store's method that takes a business says how it is tried with another's ids.
@Suite struct ForeignIDsTests {
    @Test func `every method that takes a business is tried with another one's ids, or excused`() throws {
        let methods = try Self.methods()
        #expect(methods.count > 40)
        let known = Set(StorageConformance.foreign.keys)
        for method in methods.subtracting(known).sorted() {
            Issue.record(
                "\(method) takes a business: try it with another's ids, and name it in StorageConformance.foreign"
            )
        }
        for method in known.subtracting(methods).sorted() {
            Issue.record("\(method) is in StorageConformance.foreign, and not in the sources")
        }
    }

    /// `AgentStore.change`, for every package function in Sources/Storage with a business or a claim among its parameters.
    private static func methods() throws -> Set<String> {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let folder = root + "/Sources/Storage"
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
        var methods: Set<String> = []
        for file in files {
            let text = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
            var type = ""
            var signature: String?
            for line in text.split(separator: "\n") {
                if let match = line.firstMatch(of: #/^(?:package )?(?:final )?(?:struct|class|enum|extension) (\w+)/#) {
                    type = String(match.1)
                }
                if line.starts(with: #/    package (?:static )?func /#) { signature = "" }
                guard let begun = signature else { continue }
                let whole = begun + line
                signature = line.hasSuffix("{") ? nil : whole
                guard signature == nil || line.hasSuffix(" }"),
                    let match = whole.firstMatch(of: #/func (\w+)(.*)/#)
                else { continue }
                signature = nil
                // Up to what it returns.
                let parameters = String(match.2).split(separator: "->").first ?? ""
                if parameters.contains("ID<Business>")
                    || parameters.contains(#/\bClaim\b|\[(?:Undone)?Claim\]|LaneShare/#)
                {
                    methods.insert("\(type).\(match.1)")
                }
            }
        }
        return methods
    }
}
