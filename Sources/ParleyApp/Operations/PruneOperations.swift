import ParleyCore
import Pipeline
import Storage

// parley prune
extension Operations {
    /// Deletes what is older than it is kept, or says how much that would be.
    package func prune(only id: ID<Business>?, isDry: Bool) async throws -> Report {
        let clock = workbench.clock
        let pruner = Pruner(stores.database, clock: clock)
        var policy: RetentionPolicy?
        if let id { policy = RetentionPolicy(settings: try await business(id).settings) }
        let result: PruneResult
        do {
            result =
                try await isDry
                ? pruner.preview(only: id) : pruner.prune(as: UUID7(at: clock.now).description, only: id)
        } catch let error as AlreadyPruning {
            let until = error.until.map { " (its lease runs until \($0.timeOfDay.prefix(8)) UTC)" } ?? ""
            throw OperationError(
                "another process is pruning\(until)",
                fix: "a gateway does so once a day by itself; --dry-run shows what is left"
            )
        } catch is JobLost {
            throw OperationError("another process has taken over", fix: "it goes on where this one was")
        }
        return Self.report(result, policy: policy, isDry: isDry)
    }

    private static func report(_ result: PruneResult, policy: RetentionPolicy?, isDry: Bool) -> Report {
        let rows = Retained.allCases.map { ($0, result.rows[$0] ?? 0) }
        var json: JSON = [
            "dry_run": .bool(isDry), "total": .integer(result.total),
            "rows": .object(JSONObject(rows.map { .init(key: $0.0.rawValue, value: .integer($0.1)) })),
            "partitions": .array(result.partitions.map { .string($0) }),
            "failures": .array(result.failures.map { .string($0.description) }),
        ]
        if !isDry { json["resumed"] = .bool(result.wasResumed) }
        var blocks: [Report.Block] = [
            .table(
                ["WHAT", "KEPT FOR", isDry ? "WOULD GO" : "WENT"],
                rows.map { retained, count in
                    let days = policy?[retained] ?? retained.days
                    return [retained.rawValue, "\(days) days", "\(count)"]
                }
            )
        ]
        if policy == nil { blocks.append(.line("A business may have days of its own: parley business show ID.")) }
        if !result.partitions.isEmpty {
            blocks.append(.line("Whole partitions: \(result.partitions.joined(separator: ", "))"))
        }
        blocks += result.failures.map { .line("Not done: \($0)") }
        if !result.failures.isEmpty { blocks.append(.line("The next run tries that again.")) }
        if result.wasResumed { blocks.append(.line("Went on where an interrupted run had come to.")) }
        return Report(json, blocks)
    }
}
