/// Comma-separated values as in RFC 4180: fields in double quotes may hold commas, line breaks and doubled quotes.
struct CSVReader {
    struct Record: Equatable {
        /// Where it begins, counting from 1.
        let line: Int
        let fields: [String]
    }

    struct Problem: Error, Equatable {
        let line: Int
        let what: String
    }

    private var scalars: String.UnicodeScalarView.Iterator
    private var pending: Unicode.Scalar?
    private var line = 1

    private init(_ text: String) { scalars = text.unicodeScalars.makeIterator() }

    /// Every record that is not an empty line. Line breaks may be CRLF, LF or CR.
    static func records(in text: String) throws(Problem) -> [Record] {
        var reader = CSVReader(text)
        var records: [Record] = []
        while let record = try reader.record() {
            if record.fields != [""] { records.append(record) }
        }
        return records
    }

    private mutating func next() -> Unicode.Scalar? {
        let scalar: Unicode.Scalar?
        if let waiting = pending {
            pending = nil
            scalar = waiting
        } else {
            scalar = scalars.next()
        }
        guard scalar == "\r" else { return scalar }
        // A carriage return, with or without its line feed, is one line break.
        let following = scalars.next()
        if following != "\n" { pending = following }
        return "\n"
    }

    private mutating func record() throws(Problem) -> Record? {
        guard let first = next() else { return nil }
        let start = line
        var fields: [String] = []
        var scalar: Unicode.Scalar? = first
        while true {
            let (field, end) = try field(from: scalar)
            fields.append(field)
            guard end == "," else {
                if end == "\n" { line += 1 }
                return Record(line: start, fields: fields)
            }
            scalar = next()
        }
    }

    /// A field and what ended it: a comma, a line break, or nothing.
    private mutating func field(from first: Unicode.Scalar?) throws(Problem) -> (String, Unicode.Scalar?) {
        var text = String.UnicodeScalarView()
        guard first == "\"" else {
            var scalar = first
            while let current = scalar, current != ",", current != "\n" {
                text.append(current)
                scalar = next()
            }
            return (String(text), scalar)
        }
        let start = line
        while true {
            guard let scalar = next() else {
                throw Problem(line: start, what: "a double quote is opened and never closed")
            }
            if scalar == "\n" { line += 1 }
            guard scalar == "\"" else {
                text.append(scalar)
                continue
            }
            let following = next()
            switch following {
            case "\"": text.append("\"")
            case nil, ",", "\n": return (String(text), following)
            default:
                throw Problem(
                    line: line,
                    what: "there is text behind a closing double quote; double a quote that is meant: \"\""
                )
            }
        }
    }
}
