import ParleyCore
import Storage

// The change of the master key: nothing may become unreadable, whatever happens meanwhile.
extension StorageConformance {
    /// Businesses whose secrets lie under an old master key, and a vault for each stage of the change.
    private struct Keyring {
        let old = MasterKey.random()
        let new = MasterKey.random()
        let database: any SQLDatabase
        let owners: [ID<Business>]
        var bots: [ID<Integration>: String] = [:]

        init(_ database: any SQLDatabase, businesses: Int) async throws {
            self.database = database
            let store = BusinessStore(database)
            var owners: [ID<Business>] = []
            for number in 0..<businesses { owners.append(try await store.create(name: "Business \(number)").id) }
            self.owners = owners
            for owner in owners {
                for number in 0..<2 { try await connect("\(owner) \(number)", to: owner) }
                _ = try await DataIntegrationStore(database, vault: before).create(
                    business: owner,
                    kind: .rest,
                    name: "Shop",
                    baseURL: "https://shop.example",
                    authType: .bearer,
                    credentials: Secret(["token": JSON(owner.description)])
                )
            }
        }

        var before: CredentialVault { CredentialVault(old) }
        /// Serves while both keys are in use.
        var during: CredentialVault { CredentialVault(MasterKeys(current: new, others: [old])) }
        var after: CredentialVault { CredentialVault(new) }

        func rotation(_ database: (any SQLDatabase)? = nil) -> KeyRotation {
            KeyRotation(database ?? self.database, vault: during)
        }

        mutating func connect(_ secret: String, to owner: ID<Business>) async throws {
            let id = ID<Integration>(at: SystemClock().now)
            try await connect(id, secret, to: owner, before)
            bots[id] = secret
        }

        func connect(
            _ id: ID<Integration>,
            _ secret: String,
            to owner: ID<Business>,
            _ vault: CredentialVault
        ) async throws {
            _ = try await IntegrationStore(database, vault: vault).connect(
                id: id,
                business: owner,
                channel: "telegram",
                name: "A bot",
                credentials: World.secret(secret)
            )
        }

        /// What cannot be read as it was written.
        func problems(_ vault: CredentialVault, _ expected: [ID<Integration>: String]) async throws -> [String] {
            var problems: [String] = []
            let integrations = IntegrationStore(database, vault: vault)
            for (id, secret) in expected {
                let loaded = try? await integrations.load(id)
                if loaded?.credentials != World.secret(secret) { problems.append("\(id) does not open") }
            }
            let data = DataIntegrationStore(database, vault: vault)
            for owner in owners {
                let loaded = try? await data.load(of: owner)
                if loaded?.first?.credentials != Secret(["token": JSON(owner.description)]) {
                    problems.append("live data of \(owner) does not open")
                }
            }
            return problems
        }

        func rotateAll() async throws {
            for owner in try await rotation().waiting(after: nil, limit: 1000) {
                _ = try await rotation().rotate(owner)
            }
        }
    }

    static func keyRotation(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let ring = try await Keyring(database, businesses: 3)
        let stored = try await blobs(database)
        findings.expect(try await ring.problems(ring.during, ring.bots), is: [], "with both keys, before")
        let first = try await ring.rotation().waiting(after: nil, limit: 2)
        findings.expect(first, is: Array(ring.owners.prefix(2)), "the first page")
        findings.expect(
            try await ring.rotation().waiting(after: first.last, limit: 2),
            is: Array(ring.owners.suffix(1)),
            "the second page"
        )
        let owner = try await ring.rotation().rotate(ring.owners[0])
        findings.expect(owner, is: 3, "the secrets of one business")
        findings.expect(try await ring.rotation().rotate(ring.owners[0]), is: nil, "a second time")
        findings.expect(
            Set(try await ring.rotation().usage().map(\.businesses)),
            is: [1, 2],
            "businesses under the new and the old key"
        )
        findings.expect(try await ring.problems(ring.during, ring.bots), is: [], "with both keys, meanwhile")
        findings.expect(try await !ring.after.isShutOut(of: database), "one key of two opens something")
        try await ring.rotateAll()
        findings.expect(try await ring.problems(ring.after, ring.bots), is: [], "with the new key alone")
        findings.expect(
            try await ring.rotation().usage(),
            is: [KeyUsage(masterKeyID: ring.new.id, businesses: 3)],
            "what lies where"
        )
        let now = try await blobs(database)
        findings.expect(now.count, is: stored.count, "sealed secrets")
        findings.expect(now.isDisjoint(with: stored), "a secret was not sealed anew")
        findings.expect(try await ring.before.isShutOut(of: database), "the old key still opens something")
        do {
            _ = try await IntegrationStore(database, vault: ring.before).load(ring.bots.keys.first ?? ID(at: time))
            findings.expect(false, "the old key opened a secret")
        } catch {
            findings.expect(error as? VaultError, is: .otherMasterKey(id: ring.new.id), "with the old key")
        }
    }

    /// Everything sealed, and the wrapped keys.
    private static func blobs(_ database: any SQLDatabase) async throws -> Set<[UInt8]> {
        try await database.read(.house) { connection in
            var found: Set<[UInt8]> = []
            for (table, column) in KeyRotation.sealed + [("business_keys", "wrapped_key")] {
                for row in try await connection.query("SELECT \(column) AS sealed FROM \(table)") {
                    if let blob = row.optionalBlob("sealed") { found.insert(blob) }
                }
            }
            return found
        }
    }

    static func keysUnderUse(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let ring = try await Keyring(database, businesses: 4)
        // Bots are connected and their credentials replaced, all are read, and keys are changed again and again meanwhile.
        let wanted = try await withThrowingTaskGroup(of: [ID<Integration>: String].self) { group in
            for owner in ring.owners {
                group.addTask { try await Self.reconnect(ring, owner) }
            }
            group.addTask {
                for _ in 0..<8 {
                    let problems = try await ring.problems(ring.during, [:])
                    if !problems.isEmpty { throw KeysBroke(description: problems.joined(separator: ", ")) }
                }
                return [:]
            }
            group.addTask {
                for round in 0..<10 {
                    let pair = [ring.new, ring.old]
                    let (to, from) = round % 2 == 0 ? (pair[0], pair[1]) : (pair[1], pair[0])
                    let vault = CredentialVault(MasterKeys(current: to, others: [from]))
                    for owner in ring.owners { _ = try await KeyRotation(database, vault: vault).rotate(owner) }
                }
                return [:]
            }
            return try await group.reduce(into: ring.bots) { $0.merge($1) { $1 } }
        }
        findings.expect(wanted.count, is: ring.bots.count + 4 * 10, "bots")
        findings.expect(try await ring.problems(ring.during, wanted), is: [], "with both keys")
        try await ring.rotateAll()
        findings.expect(try await ring.problems(ring.after, wanted), is: [], "with the new key alone")
    }

    /// Connects bots of a business while its keys change; what must be there in the end.
    private static func reconnect(
        _ ring: Keyring,
        _ owner: ID<Business>
    ) async throws -> [ID<Integration>: String] {
        var wanted: [ID<Integration>: String] = [:]
        let store = IntegrationStore(ring.database, vault: ring.during)
        for number in 0..<10 {
            let id = ID<Integration>(at: SystemClock().now)
            try await ring.connect(id, "first of \(id)", to: owner, ring.during)
            if number % 2 == 0 {
                _ = try await store.replace(
                    credentials: World.secret("second of \(id)"),
                    of: id,
                    business: owner
                )
            }
            wanted[id] = number % 2 == 0 ? "second of \(id)" : "first of \(id)"
        }
        return wanted
    }

    static func keysInterrupted(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let ring = try await Keyring(database, businesses: 3)
        // At every statement of the second business.
        _ = try await ring.rotation().rotate(ring.owners[0])
        var statements = 0
        while statements < 100 {
            let frail = BreakingDatabase(database, after: statements)
            do {
                _ = try await ring.rotation(frail).rotate(ring.owners[1])
                break
            } catch is BreakingDatabase.Broke {
                statements += 1
                findings.expect(try await ring.problems(ring.during, ring.bots), is: [], "broken at \(statements)")
                findings.expect(
                    try await ring.rotation().waiting(after: nil, limit: 9),
                    is: Array(ring.owners.suffix(2)),
                    "what remains"
                )
            }
        }
        findings.expect(statements > 8, "it broke at \(statements) statements only")
        try await ring.rotateAll()
        findings.expect(try await ring.problems(ring.after, ring.bots), is: [], "in the end")
    }

    static func keysMissing(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let ring = try await Keyring(database, businesses: 1)
        let stranger = KeyRotation(database, vault: ring.after)
        do {
            _ = try await stranger.rotate(ring.owners[0])
            findings.expect(false, "a key that is missing was not noticed")
        } catch {
            findings.expect(error as? VaultError, is: .otherMasterKey(id: ring.old.id), "without the old key")
        }
        findings.expect(try await ring.problems(ring.before, ring.bots), is: [], "what the old key opens")
        // One secret of another place makes the business stay as it is.
        try await database.transaction(.business(ring.owners[0])) { connection in
            _ = try await connection.execute(
                """
                UPDATE channel_integrations SET credentials = (SELECT wrapped_key FROM business_keys WHERE business_id = $1)
                WHERE business_id = $1 AND id = (SELECT id FROM channel_integrations WHERE business_id = $1 ORDER BY id LIMIT 1)
                """,
                [.id(ring.owners[0])]
            )
        }
        do {
            _ = try await ring.rotation().rotate(ring.owners[0])
            findings.expect(false, "an altered secret was not noticed")
        } catch {
            findings.expect(error as? VaultError, is: .rejected, "with an altered secret")
        }
        findings.expect(try await ring.problems(ring.before, ring.bots).count, is: 1, "secrets that were lost")
    }
}

private struct KeysBroke: Error, CustomStringConvertible {
    let description: String
}

/// A database whose transactions fail at a statement of one's choice.
private struct BreakingDatabase: SQLDatabase {
    struct Broke: Error {}

    private let whole: any SQLDatabase
    private let statements: Int

    init(_ whole: any SQLDatabase, after statements: Int) {
        self.whole = whole
        self.statements = statements
    }

    var dialect: Dialect { whole.dialect }

    func read<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result { try await whole.read(scope, body) }

    func transaction<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        try await whole.transaction(scope) { try await body(Connection($0, statements)) }
    }

    private final class Connection: SQLConnection {
        private let whole: any SQLConnection
        private var left: Int

        init(_ whole: any SQLConnection, _ left: Int) {
            self.whole = whole
            self.left = left
        }

        private func step() throws {
            guard left > 0 else { throw Broke() }
            left -= 1
        }

        func query(_ sql: String, _ parameters: [SQLValue]) async throws -> [SQLRow] {
            try step()
            return try await whole.query(sql, parameters)
        }

        func execute(_ sql: String, _ parameters: [SQLValue]) async throws -> Int {
            try step()
            return try await whole.execute(sql, parameters)
        }

        func batch(_ sql: String, _ rows: [[SQLValue]]) async throws -> [Int] {
            try step()
            return try await whole.batch(sql, rows)
        }
    }
}
