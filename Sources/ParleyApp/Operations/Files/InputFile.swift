import SystemPackage

/// A file that a command was given, or standard input for `-`.
package struct InputFile: Sendable {
    private let path: String

    package init(_ path: String) { self.path = path }

    package var name: String { path == "-" ? "standard input" : path }

    /// Everything in it; more than `limit` bytes is an error. Throws ``OperationError``.
    package func bytes(upTo limit: Int) throws(OperationError) -> [UInt8] {
        do {
            if path == "-" { return try read(.standardInput, upTo: limit) }
            let file = try FileDescriptor.open(FilePath(path), .readOnly)
            return try file.closeAfter { try read(file, upTo: limit) }
        } catch let error as OperationError {
            throw error
        } catch let error as Errno {
            throw OperationError("\(name) cannot be read: \(error)", fix: "check the path and its permissions")
        } catch {
            throw OperationError("\(name) cannot be read", fix: "check the path and its permissions")
        }
    }

    /// The same as UTF-8 text.
    package func text(upTo limit: Int) throws(OperationError) -> String {
        guard let text = String(validating: try bytes(upTo: limit), as: UTF8.self) else {
            throw OperationError("\(name) is not UTF-8 text", fix: "save it as UTF-8")
        }
        return text
    }

    private func read(_ file: FileDescriptor, upTo limit: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = try piece.withUnsafeMutableBytes { try file.read(into: $0) }
            guard count > 0 else { return all }
            all += piece.prefix(count)
            guard all.count <= limit else {
                throw OperationError("\(name) is larger than \(limit >> 10) KiB", fix: "split it into smaller files")
            }
        }
    }
}
