import Foundation

/// Another process serves the same file; two would answer everything twice as often as they should.
package struct SQLiteIsServed: Error, CustomStringConvertible {
    package let description = "another parley is serving this database"
}

/// An exclusive lock on a file, which the system releases when the process ends, however it ends.
struct FileLock: ~Copyable {
    private let descriptor: Int32

    init(path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SQLiteIsServed() }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            _ = close(descriptor)
            throw SQLiteIsServed()
        }
    }

    deinit { _ = close(descriptor) }
}
