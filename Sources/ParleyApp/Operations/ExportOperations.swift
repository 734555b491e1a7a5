import ParleyCore
import Storage
import SystemPackage

package enum ExportSubject: String, Sendable, CaseIterable { case leads, usage, conversations }

package enum ExportFormat: String, Sendable, CaseIterable { case csv, jsonl }

// parley export
extension Operations {
    /// Writes page by page; without `path` to standard output, and then there is nothing to report.
    package func export(
        _ subject: ExportSubject,
        of business: ID<Business>,
        as format: ExportFormat,
        to path: String?
    ) async throws -> Report? {
        _ = try await self.business(business)
        guard let path, path != "-" else {
            do {
                _ = try await write(subject, of: business, as: format) {
                    _ = try FileDescriptor.standardOutput.writeAll($0.utf8)
                }
            } catch Errno.brokenPipe {
                // Whoever read has had enough.
            }
            return nil
        }
        let file = try OutputFile(path)
        let count: Int
        do {
            count = try await write(subject, of: business, as: format, to: file.write)
        } catch {
            file.abandon()
            throw error is Errno
                ? OperationError("\(path) cannot be written: \(error)", fix: "check that the disk is not full") : error
        }
        try file.finish()
        return Report(
            ["rows": JSON(count), "file": JSON(path), "format": JSON(format.rawValue)],
            "Wrote \(count) \(count == 1 ? "row" : "rows") of \(subject.rawValue) to \(path)."
        )
    }

    /// The number of rows.
    func write(
        _ subject: ExportSubject,
        of business: ID<Business>,
        as format: ExportFormat,
        to write: (String) throws -> Void
    ) async throws -> Int {
        let kind: ExportStore.Kind =
            switch subject {
            case .leads: .leads
            case .usage: .usage
            case .conversations: .conversations
            }
        let columns = ExportStore.columns(of: kind)
        if format == .csv { try write(CSVWriter.record(columns.map { JSON($0) })) }
        var count = 0
        try await stores.exports.export(kind, of: business) { rows in
            count += rows.count
            try write(rows.map { row in Self.line(row, columns, format) }.joined())
        }
        return count
    }

    private static func line(_ row: [JSON], _ columns: [String], _ format: ExportFormat) -> String {
        switch format {
        case .csv: CSVWriter.record(row)
        case .jsonl:
            JSON.object(JSONObject(zip(columns, row).map { .init(key: $0, value: $1) })).description + "\n"
        }
    }
}
