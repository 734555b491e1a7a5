import ParleyCore
import Storage

/// Knowledge entries as people keep them: CSV with a header, a JSON array, or one JSON object a line.
enum KnowledgeFile {
    /// Largest file: some 50,000 entries.
    static let maximumBytes = 32 << 20

    private static let maximumQuestionBytes = 2000
    private static let columns = ["question", "answer", "keywords", "intent"]

    /// All entries, or every problem that was found. Throws ``KnowledgeFileError``.
    static func read(_ bytes: [UInt8]) throws(KnowledgeFileError) -> [KnowledgeDraft] {
        var text = try decoded(bytes)
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        var reading = Reading()
        switch text.unicodeScalars.first(where: { !$0.properties.isWhitespace }) {
        case nil: throw KnowledgeFileError(1, "the file is empty")
        case "[": readArray(text, &reading)
        case "{": readLines(text, &reading)
        default: readCSV(text, &reading)
        }
        if reading.problems.isEmpty, reading.drafts.isEmpty { reading.add("line", 1, "there is no entry in the file") }
        guard reading.problems.isEmpty else { throw KnowledgeFileError(problems: reading.problems) }
        return reading.drafts
    }

    private static func decoded(_ bytes: [UInt8]) throws(KnowledgeFileError) -> String {
        if let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) { return text }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let bad = lines.firstIndex { $0.contains(0) || String(validating: $0, as: UTF8.self) == nil } ?? 0
        throw KnowledgeFileError(bad + 1, "this is not UTF-8 text; save the file as “CSV UTF-8”")
    }

    // MARK: The three formats

    private static func readCSV(_ text: String, _ reading: inout Reading) {
        let records: [CSVReader.Record]
        do {
            records = try CSVReader.records(in: text)
        } catch {
            reading.add("line", error.line, error.what)
            return
        }
        guard let header = records.first else { return }
        let names = header.fields.map { $0.trimmed.lowercased() }
        let unknown = names.filter { !columns.contains($0) }
        guard unknown.isEmpty, names.contains("question"), names.contains("answer"), Set(names).count == names.count
        else {
            let found = header.fields.joined(separator: ",").clipped(toUTF8: 80)
            reading.add(
                "line",
                header.line,
                "the first line must name the columns, separated by commas: question,answer and, if wanted, "
                    + "keywords,intent; it is: \(found)"
            )
            return
        }
        for record in records.dropFirst() {
            guard record.fields.count == names.count else {
                reading.add(
                    "line",
                    record.line,
                    "the header has \(names.count) columns, this line \(record.fields.count); put text with commas into "
                        + "double quotes"
                )
                continue
            }
            let cells = Dictionary(zip(names, record.fields), uniquingKeysWith: { first, _ in first })
            reading.add(
                KnowledgeDraft(
                    question: cells["question"] ?? "",
                    answer: cells["answer"] ?? "",
                    keywords: cells["keywords"] ?? "",
                    intent: cells["intent"]
                ),
                "line",
                record.line
            )
        }
    }

    private static func readArray(_ text: String, _ reading: inout Reading) {
        do {
            guard let entries = try JSON(parsing: text).array else { return }
            for (index, entry) in entries.enumerated() { readObject(entry, "entry", index + 1, &reading) }
        } catch {
            reading.add("line", 1, "this is not a JSON array: \(error)")
        }
    }

    private static func readLines(_ text: String, _ reading: inout Reading) {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() where !String(line).trimmed.isEmpty {
            do {
                readObject(try JSON(parsing: String(line)), "line", index + 1, &reading)
            } catch {
                reading.add("line", index + 1, "this is not a JSON object on one line: \(error)")
            }
        }
    }

    private static func readObject(_ json: JSON, _ unit: String, _ number: Int, _ reading: inout Reading) {
        guard let object = json.object else {
            reading.add(unit, number, "this must be an object with question and answer")
            return
        }
        let unknown = object.members.map(\.key).filter { !columns.contains($0) }
        guard unknown.isEmpty else {
            reading.add(
                unit,
                number,
                "unknown: \(unknown.joined(separator: ", ")); known are \(columns.joined(separator: ", "))"
            )
            return
        }
        for name in ["question", "answer", "intent"] where object[name] != nil && object[name]?.string == nil {
            if name == "intent", object[name]?.isNull == true { continue }
            reading.add(unit, number, "\(name) must be text")
            return
        }
        let keywords: String
        switch object["keywords"] {
        case nil, .null: keywords = ""
        case .string(let text): keywords = text
        case .array(let words) where words.allSatisfy({ $0.string != nil }):
            keywords = words.compactMap(\.string).joined(separator: ", ")
        default:
            reading.add(unit, number, "keywords must be text, or an array of texts")
            return
        }
        reading.add(
            KnowledgeDraft(
                question: object["question"]?.string ?? "",
                answer: object["answer"]?.string ?? "",
                keywords: keywords,
                intent: object["intent"]?.string
            ),
            unit,
            number
        )
    }

    // MARK: What was read so far

    private struct Reading {
        var drafts: [KnowledgeDraft] = []
        var problems: [KnowledgeFileError.Problem] = []
        private var places: [String: String] = [:]

        mutating func add(_ unit: String, _ number: Int, _ what: String) {
            problems.append(KnowledgeFileError.Problem(place: "\(unit) \(number)", what: what))
        }

        mutating func add(_ draft: KnowledgeDraft, _ unit: String, _ number: Int) {
            var draft = draft
            draft.question = draft.question.trimmed
            draft.answer = draft.answer.trimmed
            draft.keywords = draft.keywords.trimmed
            draft.intent = draft.intent.map(\.trimmed).flatMap { $0.isEmpty ? nil : $0 }
            if draft.question.isEmpty { return add(unit, number, "the question is empty") }
            if draft.answer.isEmpty { return add(unit, number, "the answer is empty") }
            if draft.question.utf8.count > KnowledgeFile.maximumQuestionBytes {
                return add(unit, number, "the question is longer than \(KnowledgeFile.maximumQuestionBytes) bytes")
            }
            if draft.answer.utf8.count > Limits.inboxTextBytes {
                return add(unit, number, "the answer is longer than \(Limits.inboxTextBytes >> 10) KiB")
            }
            if let earlier = places[draft.question] { return add(unit, number, "the same question as \(earlier)") }
            places[draft.question] = "\(unit) \(number)"
            drafts.append(draft)
        }
    }
}

/// What is wrong with a file of knowledge entries, by line.
struct KnowledgeFileError: Error, Equatable, CustomStringConvertible {
    struct Problem: Equatable {
        let place: String
        let what: String
    }

    private static let shown = 20

    let problems: [Problem]

    init(problems: [Problem]) { self.problems = problems }

    init(_ line: Int, _ what: String) { problems = [Problem(place: "line \(line)", what: what)] }

    var description: String {
        var lines = problems.prefix(Self.shown).map { "  \($0.place): \($0.what)" }
        if problems.count > Self.shown { lines.append("  and \(problems.count - Self.shown) more") }
        return lines.joined(separator: "\n")
    }
}
