import FoundationEssentials
import ParleyCore
import Storage
import StorageSQLite

/// Lends a fresh, migrated SQLite database in a folder of its own, and removes it afterwards.
package func withTestDatabase(_ body: (SQLiteDatabase) async throws -> Void) async throws {
    try await withTestFolder { folder in
        let database = try await SQLiteDatabase.open(path: "\(folder)/parley.sqlite")
        defer { database.close() }
        try await Migrator(database).up()
        try await body(database)
    }
}

/// Lends the path of an empty folder, and removes it afterwards.
package func withTestFolder(_ body: (String) async throws -> Void) async throws {
    let manager = FileManager.default
    let folder = manager.temporaryDirectory.appending(path: "parley-test-\(UUID7(at: SystemClock().now))").path
    try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? manager.removeItem(atPath: folder) }
    try await body(folder)
}
