import ParleyCore

/// What one connection has prepared on the server: the most recently used statements, by their text.
struct PreparedStatements {
    /// The server keeps each one's plan in memory, for each connection.
    static let capacity = 256

    /// Another client's names differ: behind a pooler that shares connections a wrong name is an error, never a wrong
    /// statement.
    private let prefix = "parley_\(UInt64.random(in: 0...UInt64.max))_"
    private var known: [String: Entry] = [:]
    private var lastNumber = 0
    private var clock = 0
    /// On its way to the server, and known there to what follows on the same way.
    private var underWay: [String: String] = [:]
    /// Names that the server should forget.
    private(set) var retired: [String] = []

    private struct Entry {
        let name: String
        var lastUse: Int
    }

    /// The name under which the server knows a statement.
    mutating func name(of sql: String) -> String? {
        clock &+= 1
        known[sql]?.lastUse = clock
        return known[sql]?.name ?? underWay[sql]
    }

    mutating func newName(for sql: String) -> String {
        lastNumber &+= 1
        let name = prefix + String(lastNumber)
        underWay[sql] = name
        return name
    }

    /// All answers up to a mark are there: what is not known by now was not prepared.
    mutating func settle() { underWay = [:] }

    /// The server has prepared it.
    mutating func remember(_ sql: String, as name: String) {
        if known.count >= Self.capacity, let oldest = known.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            known[oldest.key] = nil
            retired.append(oldest.value.name)
        }
        clock &+= 1
        if let replaced = known.updateValue(Entry(name: name, lastUse: clock), forKey: sql) {
            retired.append(replaced.name)
        }
    }

    /// The server has forgotten it.
    mutating func forget(_ name: String) { retired.removeAll { $0 == name } }

    /// Nothing is known any more; what may still be prepared goes.
    mutating func forgetAll() {
        retired = []
        known = [:]
        underWay = [:]
    }
}
