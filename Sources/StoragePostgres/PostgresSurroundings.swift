import ParleyCore
import Storage

/// What lies between this process and the server, and what the database and the login are like.
extension PostgresDatabase {
    /// Throws ``SQLError``.
    func surroundings() async throws -> [PostgresFinding] {
        let link = try await pool.borrow()
        do {
            let findings = try await link.surroundings()
            await pool.giveBack(link)
            return findings
        } catch {
            await pool.giveBack(link)
            throw (error as? PostgresFailure)?.error ?? error
        }
    }
}

extension PostgresLink {
    fileprivate func surroundings() async throws -> [PostgresFinding] {
        let query = PostgresStatement(
            """
            SELECT current_setting('server_encoding') AS encoding,
                (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS is_mighty
            """,
            isKept: false
        )
        let row = try await exchange([query], within: .seconds(5)).rows.first
        let encoding = row?.optionalText("encoding") ?? "unknown"
        return [
            encoding == "UTF8"
                ? .good("encoding", "texts are kept as UTF-8")
                : .fatal(
                    "encoding",
                    "texts are kept as \(encoding), which cannot hold all of them",
                    fix: "create the database with ENCODING 'UTF8' TEMPLATE template0"
                ),
            row?.optionalInt("is_mighty") == 1
                ? .doubtful(
                    "login",
                    "the login may pass over row-level security",
                    fix: "use a login without SUPERUSER and BYPASSRLS"
                ) : .good("login", "row-level security holds for the login"),
            try await pooler(),
            isEncrypted || isLocal
                ? .good("transport", isEncrypted ? "connections are encrypted" : "the server is on this machine")
                : .doubtful(
                    "transport",
                    "messages and the password cross the network in clear",
                    fix: "add sslmode=verify-full to PARLEY_DATABASE_URL"
                ),
        ]
    }

    private func pooler() async throws -> PostgresFinding {
        guard try await isBehindPooler() else { return .good("pooler", "there is none") }
        guard keepsStatements else { return .good("pooler", "there is one, and no statement is kept prepared over it") }
        return .doubtful(
            "pooler",
            "there is one, and statements are kept prepared over it",
            fix: "leave prepared_statements=on out of PARLEY_DATABASE_URL, unless the pooler keeps them for each client"
        )
    }
}
