import ParleyCore
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that appears whole or not at all, readable by its owner alone.
struct OutputFile {
    private let path: String
    private let draft: String
    private let file: FileDescriptor

    /// Throws ``OperationError``.
    init(_ path: String) throws(OperationError) {
        self.path = path
        draft = "\(path).\(UUID7(at: SystemClock().now)).partial"
        do {
            file = try FileDescriptor.open(
                FilePath(draft),
                .writeOnly,
                options: [.create, .exclusiveCreate, .closeOnExec],
                permissions: .ownerReadWrite
            )
        } catch {
            throw OperationError("\(path) cannot be written", fix: "check the folder and its permissions")
        }
    }

    func write(_ text: String) throws { _ = try file.writeAll(text.utf8) }

    /// Brings it to the disk and gives it its name. Throws ``OperationError``.
    func finish() throws(OperationError) {
        let isOnDisk = fsync(file.rawValue) == 0
        try? file.close()
        guard isOnDisk, rename(draft, path) == 0 else {
            unlink(draft)
            throw OperationError(
                "\(path) cannot be written",
                fix: "check that it is no folder and that the disk is not full"
            )
        }
    }

    func abandon() {
        try? file.close()
        unlink(draft)
    }
}
