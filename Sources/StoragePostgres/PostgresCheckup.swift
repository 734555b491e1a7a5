import ParleyCore
import Storage

/// What a PostgreSQL server is set to, as far as the promises of the house rest on it.
package struct PostgresCheckup: Sendable {
    package struct Finding: Sendable, Equatable {
        package enum Weight: Sendable, Equatable {
            case fine
            /// Works, but not as well or as safely as it could.
            case advice
            /// The gateway must not serve with it.
            case refusal
        }

        /// What was looked at: `synchronous_commit`.
        package let name: String
        /// What was found there.
        package let found: String
        package let weight: Weight
        /// What to do about it; nil when it is fine.
        package let fix: String?
    }

    package let findings: [Finding]

    package var refusals: [Finding] { findings.filter { $0.weight == .refusal } }
}

extension PostgresDatabase {
    /// Asks the server what it is set to.
    ///
    /// Throws ``SQLError``.
    package func checkup() async throws -> PostgresCheckup {
        let link = try await pool.borrow()
        let facts: PostgresFacts
        do {
            facts = try await link.facts()
        } catch {
            await pool.giveBack(link)
            throw (error as? PostgresFailure)?.error ?? error
        }
        await pool.giveBack(link)
        return PostgresCheckup(findings: facts.findings(settings))
    }
}

extension PostgresLink {
    fileprivate func facts() async throws -> PostgresFacts {
        let query = PostgresStatement(PostgresFacts.query, isKept: false)
        guard let row = try await exchange([query], within: .seconds(5)).rows.first else { throw PostgresFailure.lost }
        return PostgresFacts(
            row: row,
            isBehindPooler: try await isBehindPooler(),
            keepsStatements: keepsStatements,
            isProtected: isEncrypted || isLocal
        )
    }
}

/// What the server says of itself.
private struct PostgresFacts: Sendable {
    static let query = """
        SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
            current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS is_standby,
            current_setting('default_transaction_read_only')::bool AS is_read_only,
            current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync')::bool AS fsync,
            current_setting('full_page_writes')::bool AS full_page_writes,
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections,
            (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS is_mighty
        """

    let row: SQLRow
    let isBehindPooler: Bool
    let keepsStatements: Bool
    let isProtected: Bool

    func findings(_ settings: PostgresSettings) -> [PostgresCheckup.Finding] {
        [
            version, encoding, writing, synchronousCommit,
            setting(
                "fsync",
                "a crash of the machine could lose acknowledged events: set fsync = on and restart the server"
            ),
            setting("full_page_writes", "a crash of the machine could damage the data: set full_page_writes = on"),
            connections(settings), pooler, login, protection,
        ]
    }

    private var version: PostgresCheckup.Finding {
        finding(
            "version",
            row.optionalText("version") ?? "unknown",
            (row.optionalInt("number") ?? 0) >= 140_000 ? nil : (.refusal, "PostgreSQL 14 or later is needed")
        )
    }

    private var encoding: PostgresCheckup.Finding {
        let encoding = row.optionalText("encoding") ?? "unknown"
        let fix = "texts in other scripts cannot be stored: create the database with ENCODING 'UTF8' TEMPLATE template0"
        return finding("encoding", encoding, encoding == "UTF8" ? nil : (.refusal, fix))
    }

    private var writing: PostgresCheckup.Finding {
        if row.optionalInt("is_standby") != 0 {
            return finding(
                "writing",
                "a standby",
                (
                    .refusal,
                    "connect to the primary: name all servers in the URL and add target_session_attrs=read-write"
                )
            )
        }
        return finding(
            "writing",
            row.optionalInt("is_read_only") == 0 ? "a primary" : "read-only",
            row.optionalInt("is_read_only") == 0
                ? nil : (.refusal, "set default_transaction_read_only = off for this login and database")
        )
    }

    private var synchronousCommit: PostgresCheckup.Finding {
        let found = row.optionalText("synchronous_commit") ?? "unknown"
        return switch found {
        case "on", "remote_apply": finding("synchronous_commit", found, nil)
        case "local", "remote_write":
            finding(
                "synchronous_commit",
                found,
                (.advice, "a failover to a standby can lose acknowledged events: set it on")
            )
        default:
            finding(
                "synchronous_commit",
                found,
                (.refusal, "acknowledged events could be lost: ALTER ROLE … SET synchronous_commit = on")
            )
        }
    }

    private func setting(_ name: String, _ fix: String) -> PostgresCheckup.Finding {
        let isOn = row.optionalInt(name) == 1
        return finding(name, isOn ? "on" : "off", isOn ? nil : (.refusal, fix))
    }

    private func connections(_ settings: PostgresSettings) -> PostgresCheckup.Finding {
        let there = row.optionalInt("connections") ?? 0
        let fix =
            "all nodes' ?pool= together must stay below the server's max_connections: lower the one or raise the other"
        return finding(
            "connections",
            "\(there) on the server, \(settings.connections) for this node",
            there >= settings.connections ? nil : (.advice, fix)
        )
    }

    private var pooler: PostgresCheckup.Finding {
        let fix = "prepared statements need a pooler that keeps them: leave ?prepared_statements= out, or set it off"
        return finding(
            "pooler",
            isBehindPooler ? "there is one, prepared statements \(keepsStatements ? "on" : "off")" : "none",
            isBehindPooler && keepsStatements ? (.advice, fix) : nil
        )
    }

    private var login: PostgresCheckup.Finding {
        let isMighty = row.optionalInt("is_mighty") == 1
        let fix =
            "row-level security does not hold for it where no role is set: use a login without SUPERUSER and BYPASSRLS"
        return finding("login", isMighty ? "a superuser" : "an ordinary one", isMighty ? (.advice, fix) : nil)
    }

    private var protection: PostgresCheckup.Finding {
        let fix = "messages and password cross the network in clear: add sslmode=verify-full to the URL"
        return finding("transport", isProtected ? "protected" : "in clear", isProtected ? nil : (.advice, fix))
    }

    private func finding(
        _ name: String,
        _ found: String,
        _ problem: (weight: PostgresCheckup.Finding.Weight, fix: String)?
    ) -> PostgresCheckup.Finding {
        PostgresCheckup.Finding(name: name, found: found, weight: problem?.weight ?? .fine, fix: problem?.fix)
    }
}
