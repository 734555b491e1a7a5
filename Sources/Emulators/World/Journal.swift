/// Numbered entries, oldest first; numbers count from 1 and never repeat.
struct Journal<Entry: Sendable>: Sendable {
    private var entries: [Entry] = []
    /// The number of the first entry that is kept.
    private var first = 1

    /// A long-running demonstration must not eat the machine.
    private static var capacity: Int { 200_000 }

    @discardableResult
    mutating func append(_ make: (Int) -> Entry) -> Entry {
        let entry = make(first + entries.count)
        entries.append(entry)
        if entries.count > Journal.capacity {
            let dropped = entries.count / 4
            entries.removeFirst(dropped)
            first += dropped
        }
        return entry
    }

    func entries(after sequence: Int) -> [Entry] {
        let last = first + entries.count - 1
        guard sequence < last else { return [] }
        return Array(entries.dropFirst(max(0, max(sequence, 0) - first + 1)))
    }

    var lastSequence: Int { first + entries.count - 1 }

    mutating func clear() {
        first += entries.count
        entries = []
    }
}
