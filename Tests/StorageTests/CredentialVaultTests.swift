import FoundationEssentials
import ParleyCore
import ParleyTesting
import Storage
import StorageSQLite
import Testing

@Suite struct CredentialVaultTests {
    private static let secret = Secret(Array("12345:token".utf8))

    /// A database with two businesses.
    private func withBusinesses(
        _ body: (SQLiteDatabase, _ ours: ID<Business>, _ theirs: ID<Business>) async throws -> Void
    ) async throws {
        try await withTestDatabase { database in
            let store = BusinessStore(database)
            let ours = try await store.create(name: "Ours").id
            let theirs = try await store.create(name: "Theirs").id
            try await body(database, ours, theirs)
        }
    }

    private struct Place: Sendable {
        var table = "t"
        var column = "c"
        var row = "r"
    }

    private func seal(
        _ vault: CredentialVault,
        _ business: ID<Business>,
        _ database: SQLiteDatabase,
        _ place: Place = Place()
    ) async throws -> [UInt8] {
        try await database.transaction(.house) { connection in
            try await vault.seal(
                Self.secret,
                table: place.table,
                column: place.column,
                row: place.row,
                business: business,
                on: connection
            )
        }
    }

    private func open(
        _ vault: CredentialVault,
        _ blob: [UInt8],
        _ business: ID<Business>,
        _ database: SQLiteDatabase,
        _ place: Place = Place()
    ) async throws -> Secret<[UInt8]> {
        try await database.read(.house) { connection in
            try await vault.open(
                blob,
                table: place.table,
                column: place.column,
                row: place.row,
                business: business,
                on: connection
            )
        }
    }

    @Test func `what is sealed opens, also after a restart`() async throws {
        try await withBusinesses { database, ours, _ in
            let master = MasterKey.random()
            let vault = CredentialVault(master)
            let blob = try await seal(vault, ours, database)
            #expect(try await open(vault, blob, ours, database) == Self.secret)
            #expect(try await open(CredentialVault(master), blob, ours, database) == Self.secret)
        }
    }

    @Test func `no two sealings are alike`() async throws {
        try await withBusinesses { database, ours, _ in
            let vault = CredentialVault(.random())
            var blobs: Set<[UInt8]> = []
            for _ in 0..<100 { blobs.insert(try await seal(vault, ours, database)) }
            #expect(blobs.count == 100)
            #expect(Set(blobs.map { Array($0[5..<17]) }).count == 100)
        }
    }

    @Test func `what is moved to another place does not open`() async throws {
        try await withBusinesses { database, ours, theirs in
            let vault = CredentialVault(.random())
            let blob = try await seal(vault, ours, database)
            _ = try await seal(vault, theirs, database)
            for place in [
                Place(table: "u"), Place(column: "d"), Place(row: "s"), Place(table: "tc", column: "", row: "r"),
                Place(table: "t", column: "cr", row: ""), Place(table: "", column: "tc", row: "r"),
            ] {
                await #expect(throws: VaultError.rejected) { _ = try await open(vault, blob, ours, database, place) }
            }
            await #expect(throws: VaultError.rejected) { _ = try await open(vault, blob, theirs, database) }
            #expect(try await open(vault, blob, ours, database) == Self.secret)
        }
    }

    @Test func `every flipped bit and every missing byte is noticed`() async throws {
        try await withBusinesses { database, ours, _ in
            let vault = CredentialVault(.random())
            let blob = try await seal(vault, ours, database)
            for index in blob.indices {
                for bit in 0..<8 {
                    var altered = blob
                    altered[index] ^= 1 << UInt8(bit)
                    await #expect(throws: VaultError.self) { _ = try await open(vault, altered, ours, database) }
                }
                await #expect(throws: VaultError.self) {
                    _ = try await open(vault, Array(blob.prefix(index)), ours, database)
                }
            }
            await #expect(throws: VaultError.rejected) { _ = try await open(vault, blob + [0], ours, database) }
        }
    }

    @Test func `a vault knows that its master key opens nothing`() async throws {
        try await withBusinesses { database, ours, _ in
            let master = MasterKey.random()
            #expect(try await !CredentialVault(.random()).isShutOut(of: database), "nothing is stored yet")
            _ = try await seal(CredentialVault(master), ours, database)
            #expect(try await !CredentialVault(master).isShutOut(of: database))
            #expect(try await CredentialVault(.random()).isShutOut(of: database))
        }
    }

    @Test func `data keys do not open for another business or another master key`() async throws {
        try await withBusinesses { database, ours, theirs in
            let master = MasterKey.random()
            let blob = try await seal(CredentialVault(master), ours, database)
            await #expect(throws: VaultError.otherMasterKey(id: master.id)) {
                _ = try await open(CredentialVault(.random()), blob, ours, database)
            }
            try await database.transaction(.house) { connection in
                _ = try await connection.execute(
                    """
                    INSERT INTO business_keys (business_id, version, master_key_id, wrapped_key, created_at)
                    SELECT $1, version, master_key_id, wrapped_key, created_at FROM business_keys WHERE business_id = $2
                    """,
                    [.id(theirs), .id(ours)]
                )
            }
            await #expect(throws: VaultError.rejected) {
                _ = try await open(CredentialVault(master), blob, theirs, database)
            }
            try await database.transaction(.house) { _ = try await $0.execute("DELETE FROM business_keys") }
            await #expect(throws: VaultError.noKey) {
                _ = try await open(CredentialVault(master), blob, ours, database)
            }
        }
    }

    @Test func `a data key of a transaction that was taken back is forgotten`() async throws {
        struct Deliberate: Error {}
        try await withBusinesses { database, ours, _ in
            let vault = CredentialVault(.random())
            await #expect(throws: Deliberate.self) {
                try await database.transaction(.house) { connection in
                    let blob = try await vault.seal(
                        Self.secret,
                        table: "t",
                        column: "c",
                        row: "r",
                        business: ours,
                        on: connection
                    )
                    _ = try await vault.open(blob, table: "t", column: "c", row: "r", business: ours, on: connection)
                    throw Deliberate()
                }
            }
            let blob = try await seal(vault, ours, database)
            #expect(try await open(vault, blob, ours, database) == Self.secret)
        }
    }

    @Test func `a master key file is made once, for its owner alone`() async throws {
        try await withTestFolder { folder in
            let path = "\(folder)/master.key"
            let first = try MasterKeys.loadOrCreate(path: path)
            let second = try MasterKeys.loadOrCreate(path: path)
            #expect(first.isNew && !second.isNew)
            #expect(first.keys.current.id == second.keys.current.id)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["master.key"])
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            #expect(throws: MasterKeyError.readableByOthers(path: path)) { _ = try MasterKeys.loadOrCreate(path: path) }
        }
    }

    @Test func `a master key file may hold further keys to read with`() async throws {
        try await withTestFolder { folder in
            let path = "\(folder)/master.key"
            let lines = [String(repeating: "a1", count: 32), Data(repeating: 7, count: 32).base64EncodedString()]
            let content = Data((lines.joined(separator: "\n") + "\n").utf8)
            let files = FileManager.default
            #expect(files.createFile(atPath: path, contents: content, attributes: [.posixPermissions: 0o600]))
            let (keys, isNew) = try MasterKeys.loadOrCreate(path: path)
            #expect(!isNew)
            #expect(keys.current.id == (try MasterKey(text: Secret(lines[0]))).id)
            #expect(keys.others.map(\.id) == [try MasterKey(text: Secret(lines[1])).id])
            try Data((lines[0] + "\nnonsense\n").utf8).write(to: URL(filePath: path))
            #expect(throws: MasterKeyError.malformed) { _ = try MasterKeys.loadOrCreate(path: path) }
        }
    }

    @Test func `nothing sealed is left out when keys change`() async throws {
        try await withTestDatabase { database in
            // Whoever adds a column of bytes says here whether it is sealed.
            let columns = try await database.read(.house) { connection in
                try await connection.query(
                    """
                    SELECT m.name || '.' || c.name AS name FROM sqlite_master m, pragma_table_info(m.name) c
                    WHERE m.type = 'table' AND c.type = 'BLOB' AND m.name NOT LIKE 'knowledge_search_%'
                    """
                ).map { try $0.text("name") }
            }
            let sealed = KeyRotation.sealed.map { "\($0.table).\($0.column)" }
            #expect(Set(columns) == Set(sealed + ["business_keys.wrapped_key", "knowledge_entries.embedding"]))
        }
    }

    @Test func `many processes agree on one new key`() async throws {
        try await withTestFolder { folder in
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<16 { group.addTask { try MasterKeys.loadOrCreate(path: "\(folder)/key").keys.current.id } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
        }
    }

    @Test func `hexadecimal and Base64 say the same key`() throws {
        let bytes = (0..<32).map { UInt8($0) }
        let hex = try MasterKey(text: Secret(Hex.encode(bytes) + "\n"))
        let base64 = try MasterKey(text: Secret(" " + Data(bytes).base64EncodedString()))
        #expect(hex.id == base64.id)
        #expect(hex.id.utf8.count == 16)
    }

    @Test(arguments: ["", "secret", String(repeating: "0", count: 63), String(repeating: "g", count: 64), "AAAA"])
    func `anything else is no key, and is not repeated`(_ text: String) {
        #expect(throws: MasterKeyError.malformed) { _ = try MasterKey(text: Secret(text)) }
        #expect(text.isEmpty || !MasterKeyError.malformed.description.contains(text))
    }

    @Test func `nothing prints a key`() throws {
        let key = try MasterKey(text: Secret(String(repeating: "a1", count: 32)))
        for text in ["\(key)", String(reflecting: key), "\(CredentialVault(key))"] {
            #expect(!text.contains("a1a1") && !text.contains("161"))
        }
    }
}
