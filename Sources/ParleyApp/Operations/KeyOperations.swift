import ParleyCore
import Storage

// parley keys
extension Operations {
    /// Which master keys the stored secrets are under, and which of them this process has.
    package func listKeys() async throws -> Report {
        let usage = try await KeyRotation(workbench.database, vault: workbench.vault).usage()
        let keys = workbench.masterKeys
        var rows: [(id: String, place: String, businesses: Int64)] = [(keys.current.id, "current", 0)]
        for other in keys.others where !rows.contains(where: { $0.id == other.id }) {
            rows.append((other.id, "to read", 0))
        }
        for used in usage {
            if let index = rows.firstIndex(where: { $0.id == used.masterKeyID }) {
                rows[index].businesses = used.businesses
            } else {
                rows.append((used.masterKeyID, "missing", used.businesses))
            }
        }
        let isWhole = rows.allSatisfy { $0.place != "missing" }
        var blocks: [Report.Block] = [
            .table(["MASTER KEY", "HERE", "BUSINESSES"], rows.map { [$0.id, $0.place, "\($0.businesses)"] })
        ]
        if !isWhole { blocks.append(.check(.bad, "secrets are stored under a key that is not here", fix: Self.addKey)) }
        if rows.contains(where: { $0.place == "to read" && $0.businesses > 0 }) {
            blocks.append(.line("To put everything under the current key: parley keys rotate"))
        }
        return Report(
            [
                "keys": .array(
                    rows.map {
                        ["id": JSON($0.id), "state": JSON($0.place), "businesses": .integer($0.businesses)]
                    }
                )
            ],
            blocks,
            isGood: isWhole
        )
    }

    /// Puts every stored secret under the current master key, or says how many businesses that would be.
    ///
    /// It goes on behind a business whose secrets cannot be opened, and fails at the end.
    package func rotateKeys(isDry: Bool) async throws -> Report {
        let rotation = KeyRotation(workbench.database, vault: workbench.vault)
        var outcome = RotationOutcome(isDry: isDry, current: workbench.masterKeys.current.id)
        if !isDry {
            var last: ID<Business>?
            while true {
                let batch = try await rotation.waiting(after: last, limit: 500)
                for business in batch {
                    do {
                        guard let secrets = try await rotation.rotate(business) else { continue }
                        outcome.businesses += 1
                        outcome.secrets += secrets
                    } catch let error as VaultError {
                        outcome.note(error, of: business)
                    }
                }
                guard batch.count == 500 else { break }
                last = batch.last
            }
        }
        outcome.remaining = try await rotation.usage().filter { $0.masterKeyID != outcome.current }
        outcome.known = Set(workbench.masterKeys.others.map(\.id))
        return outcome.report
    }

    static let addKey =
        "add it to PARLEY_OTHER_MASTER_KEYS (or, beside SQLite, as a further line of master.key), then again"
}

private struct RotationOutcome {
    /// Businesses that are named one by one when their secrets cannot be opened.
    private static let named = 20

    let isDry: Bool
    let current: String
    var businesses = 0
    var secrets = 0
    var remaining: [KeyUsage] = []
    /// Keys to read with.
    var known: Set<String> = []
    private var broken: [(business: ID<Business>, why: String)] = []
    private var brokenCount = 0

    init(isDry: Bool, current: String) {
        self.isDry = isDry
        self.current = current
    }

    mutating func note(_ error: VaultError, of business: ID<Business>) {
        // A key that is missing is told once, with what remains under it.
        if case .otherMasterKey = error { return }
        brokenCount += 1
        if broken.count < Self.named { broken.append((business, error.description)) }
    }

    var report: Report {
        let left = remaining.reduce(0) { $0 + $1.businesses }
        let isGood = isDry ? remaining.allSatisfy { known.contains($0.masterKeyID) } : left == 0
        var blocks: [Report.Block] = []
        if !isDry {
            let secrets = secrets.counted("secret", "secrets")
            let businesses = businesses.counted("business", "businesses")
            blocks.append(.line("Put \(secrets) of \(businesses) under the key \(current)."))
        }
        for used in remaining {
            let what = "\(used.businesses.counted("business is", "businesses are")) under the key \(used.masterKeyID)"
            if !known.contains(used.masterKeyID) {
                blocks.append(.check(.bad, what + ", which is not here", fix: Operations.addKey))
            } else if isDry {
                blocks.append(.line(what + " and would be put under \(current)."))
            } else {
                blocks.append(.check(.bad, what + " still", fix: "see below, or run this again"))
            }
        }
        for (business, why) in broken {
            blocks.append(
                .check(
                    .bad,
                    "\(business): \(why)",
                    fix: "write its credentials anew: parley channel connect … --business \(business) --replace ID"
                )
            )
        }
        if brokenCount > broken.count { blocks.append(.line("… and \(brokenCount - broken.count) more of these.")) }
        if left == 0 {
            blocks.append(.line("Nothing is under another key: keys other than \(current) may be taken away."))
        }
        return Report(
            [
                "dry_run": .bool(isDry), "current": JSON(current), "businesses": .integer(Int64(businesses)),
                "secrets": .integer(Int64(secrets)), "remaining": .integer(left),
                "remaining_under": .object(
                    JSONObject(remaining.map { .init(key: $0.masterKeyID, value: .integer($0.businesses)) })
                ),
                "broken": .integer(Int64(brokenCount)),
            ],
            blocks,
            isGood: isGood
        )
    }
}
