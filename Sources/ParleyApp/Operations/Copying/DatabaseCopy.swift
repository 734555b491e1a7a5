import AsyncAlgorithms
import ParleyCore
import Storage
import Synchronization

/// Moves everything from one database into another, empty one: all of it, in one transaction, or nothing.
///
/// The source is read in one consistent state. Its pages are handed over one at a time, so that no table is ever in memory
/// whole, whatever its size.
struct DatabaseCopy: Sendable {
    let source: OpenDatabase
    let target: OpenDatabase
    let clock: any Clockwork

    /// Rows in a page: at most some 30 MB of the longest messages.
    private static let pageSize = 500
    /// Weeks back from now that get partitions of their own; what is older lies in the default one.
    private static let weeks = 104

    struct Table: Sendable, Equatable {
        let name: String
        var source = RowTally()
        var target = RowTally()
        /// Texts and JSON values in which U+0000 was replaced by U+FFFD.
        var replaced = 0

        var isSame: Bool { source == target }
    }

    /// Thrown inside the transaction, so that it is taken back.
    struct Differs: Error {
        let tables: [Table]
    }

    private struct Page: Sendable {
        let table: Int
        let rows: [SQLRow]
    }

    private struct Beginnings: Sendable {
        var fence: Int64 = 0
        var oldest: [String: Timestamp] = [:]
    }

    /// Throws ``Differs`` when what arrived is not what was sent, and ``OperationError``.
    func run() async throws -> [Table] {
        let plan = try await CopyPlan(from: source, to: target)
        try await refuseUnlessEmpty(plan)
        let beginnings = try await beginnings(plan)
        let pages = AsyncThrowingChannel<Page, any Error>()
        return try await withThrowingTaskGroup(of: [Table].self) { group in
            group.addTask {
                do {
                    try await read(plan, into: pages)
                    pages.finish()
                } catch {
                    pages.fail(error)
                }
                return []
            }
            group.addTask { try await write(plan, beginnings, from: pages) }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func refuseUnlessEmpty(_ plan: CopyPlan) async throws {
        for table in plan.tables where !CopyPlan.seeds.contains(table.name) {
            let row = try await target.read(.house) {
                try await $0.first("SELECT 1 AS found FROM \(table.name) LIMIT 1", [])
            }
            guard row == nil else {
                throw OperationError(
                    "the target is not empty: it has rows in \(table.name)",
                    fix: "copy into a new database; nothing is ever merged"
                )
            }
        }
    }

    private func beginnings(_ plan: CopyPlan) async throws -> Beginnings {
        var beginnings = Beginnings()
        beginnings.fence =
            try await source.read(.schema) { try await $0.first(source.dialect.highestFence, [])?.int("fence") } ?? 0
        for table in plan.tables where table.isPartitioned {
            let row = try await source.read(.house) {
                try await $0.first("SELECT id FROM \(table.name) ORDER BY id LIMIT 1", [])
            }
            beginnings.oldest[table.name] = row?.optionalID("id", Inbound.self)?.uuid.madeAt
        }
        return beginnings
    }
}

// MARK: - Reading and writing

extension DatabaseCopy {
    private func read(_ plan: CopyPlan, into pages: AsyncThrowingChannel<Page, any Error>) async throws {
        let isFirst = Mutex(true)
        try await source.read(.house) { connection in
            try Self.once(isFirst, "source")
            for (index, table) in plan.tables.enumerated() {
                try await Self.eachPage(of: table, by: table.sourceKey, on: connection) { rows in
                    await pages.send(Page(table: index, rows: rows))
                    try Task.checkCancellation()
                }
            }
        }
    }

    private func write(
        _ plan: CopyPlan,
        _ beginnings: Beginnings,
        from pages: AsyncThrowingChannel<Page, any Error>
    ) async throws -> [Table] {
        let isFirst = Mutex(true)
        return try await target.transaction(.schema) { connection in
            try Self.once(isFirst, "target")
            try await prepare(plan, beginnings, on: connection)
            var tables = plan.tables.map { Table(name: $0.name) }
            for try await page in pages {
                let table = plan.tables[page.table]
                let rows = page.rows.map { values(of: $0, table) }
                for row in rows {
                    tables[page.table].source.add(row)
                    tables[page.table].replaced += row.count { $0.value.lostNUL }
                }
                try await connection.batch(table.insertion, rows.map { $0.map(\.value.value) })
            }
            if source.dialect.tableOfInboxKeys == nil, let filling = target.dialect.fillingInboxKeys {
                try await connection.execute(filling)
            }
            for (index, table) in plan.tables.enumerated() {
                try await Self.eachPage(of: table, by: table.targetKey, on: connection) { rows in
                    for row in rows { tables[index].target.add(values(of: row, table)) }
                }
            }
            guard tables.allSatisfy(\.isSame) else { throw Differs(tables: tables) }
            return tables
        }
    }

    /// Partitions for the weeks of the data, a fence that no old holder has, and none of what every new database has.
    private func prepare(_ plan: CopyPlan, _ beginnings: Beginnings, on connection: any SQLConnection) async throws {
        if let making = target.dialect.makingPartitions {
            for (table, oldest) in beginnings.oldest.sorted(by: { $0.key < $1.key }) {
                let earliest = clock.now.advanced(by: .seconds(-Self.weeks * 7 * 86_400))
                let start = max(oldest, earliest)
                let weeks = max(0, (clock.now.milliseconds - start.milliseconds) / (7 * 86_400_000)) + 2
                try await connection.execute(making, [.text(table), .timestamp(start), .integer(weeks)])
            }
        }
        try await connection.execute(target.dialect.raisingFence, [.integer(beginnings.fence)])
        if let taking = target.dialect.takingTheHousesRole { try await connection.execute(taking) }
        for table in plan.tables.reversed() where CopyPlan.seeds.contains(table.name) {
            try await connection.execute("DELETE FROM \(table.name)")
        }
    }

    private func values(
        of row: SQLRow,
        _ table: CopyPlan.Table
    ) -> [(column: TableShape.Column, value: CopiedValue)] {
        table.columns.map { ($0, CopiedValue(row[$0.name], as: $0.type, for: target.dialect)) }
    }

    private static func eachPage(
        of table: CopyPlan.Table,
        by key: [String],
        on connection: any SQLConnection,
        _ body: ([SQLRow]) async throws -> Void
    ) async throws {
        var last: SQLRow?
        repeat {
            let sql = table.page(by: key, isFirst: last == nil, size: pageSize)
            let rows = try await connection.query(sql, last.map { row in key.map { row[$0] } } ?? [])
            if !rows.isEmpty { try await body(rows) }
            last = rows.count == pageSize ? rows.last : nil
        } while last != nil
    }

    /// A transaction whose connection was lost is begun again; half of the pages are gone by then.
    private static func once(_ isFirst: borrowing Mutex<Bool>, _ what: String) throws {
        let mayGoOn = isFirst.withLock { isFirst in
            defer { isFirst = false }
            return isFirst
        }
        guard mayGoOn else {
            throw OperationError("the connection to the \(what) was lost", fix: "nothing was copied; run it again")
        }
    }
}
