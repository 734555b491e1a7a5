import ParleyCore
import Storage

/// What is copied from one database to another: every table that the two have, found in their catalogues.
struct CopyPlan: Sendable {
    struct Table: Sendable {
        let name: String
        let columns: [TableShape.Column]
        let sourceKey: [String]
        let targetKey: [String]
        let isPartitioned: Bool
    }

    /// Each behind those that it refers to.
    let tables: [Table]

    /// What is in a database before anybody has done anything with it; the source's own take its place.
    static let seeds: Set = ["jobs", "model_prices", "tools"]

    /// Of one engine alone: it ties an entry to SQLite's full-text index, and is numbered anew.
    private static let apart = ["knowledge_entries": "search_row"]

    /// Throws ``OperationError`` when one database has a table or a column that the other lacks.
    init(from source: any SQLDatabase, to target: any SQLDatabase) async throws {
        let shapes = try await source.read(.schema) { try await TableShape.all(source.dialect, on: $0) }
        let others = try await target.read(.schema) { try await TableShape.all(target.dialect, on: $0) }
        let keys = [source, target].compactMap(\.dialect.tableOfInboxKeys)
        // Between two of one engine the keys of the inbox are a table as any other.
        let derived = Set(keys.count == 1 ? keys : [])
        let names = (Set(shapes.map(\.name)).subtracting(derived), Set(others.map(\.name)).subtracting(derived))
        if let odd = names.0.symmetricDifference(names.1).sorted().first {
            throw OperationError("only one of the databases has a table \(odd)", fix: Self.sameVersion)
        }
        let bySource = Dictionary(shapes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        tables = try others.filter { names.1.contains($0.name) }.map { other in
            guard let shape = bySource[other.name], !shape.key.isEmpty, !other.key.isEmpty else {
                throw OperationError("the table \(other.name) has no primary key", fix: Self.sameVersion)
            }
            return Table(
                name: other.name,
                columns: try Self.columns(
                    shape,
                    other,
                    typed: source.dialect.hasTypes ? shape : other
                ),
                sourceKey: shape.key,
                targetKey: other.key,
                isPartitioned: other.isPartitioned
            )
        }
    }

    private static let sameVersion = "run `parley migrate up` of this version on both"

    private static func columns(
        _ source: TableShape,
        _ target: TableShape,
        typed: TableShape
    ) throws -> [TableShape.Column] {
        let names = (Set(source.columns.map(\.name)), Set(target.columns.map(\.name)))
        if let odd = names.0.symmetricDifference(names.1).sorted().first(where: { apart[source.name] != $0 }) {
            throw OperationError("only one of the databases has a column \(source.name).\(odd)", fix: sameVersion)
        }
        return typed.columns.filter { names.0.contains($0.name) && names.1.contains($0.name) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}

extension CopyPlan.Table {
    /// Rows in the order of a key, `size` from behind the row whose key is given as parameters.
    func page(by key: [String], isFirst: Bool, size: Int) -> String {
        let list = key.joined(separator: ", ")
        let given = (1...key.count).map { "$\($0)" }.joined(separator: ", ")
        let behind = isFirst ? "" : " WHERE (\(list)) > (\(given))"
        // A key need not be among the columns that are copied.
        let extra = key.filter { name in !columns.contains { $0.name == name } }
        let all = (columns.map(\.name) + extra).joined(separator: ", ")
        return "SELECT \(all) FROM \(name)\(behind) ORDER BY \(list) LIMIT \(size)"
    }

    var insertion: String {
        let list = columns.map(\.name).joined(separator: ", ")
        return "INSERT INTO \(name) (\(list)) VALUES (\((1...columns.count).map { "$\($0)" }.joined(separator: ", ")))"
    }
}
