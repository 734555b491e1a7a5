import ParleyCore

/// SplitMix64: small, fast, and the same numbers on every machine. Not for secrets that matter.
struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A stream of its own for each purpose, so that one does not disturb another.
    init(seed: UInt64, purpose: String) { state = seed ^ SeededRandom.hash(purpose) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Between 0 and 1, without 1.
    mutating func fraction() -> Double { Double(next() >> 11) / Double(1 << 53) }

    mutating func text(_ count: Int, of alphabet: [Character]) -> String {
        String((0..<count).map { _ in alphabet.randomElement(using: &self) ?? "0" })
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    /// FNV-1a, 64 bits.
    static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}

enum Alphabet {
    static let digits = Array("0123456789")
    static let hex = Array("0123456789abcdef")
    static let upper = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    static let word = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    static let token = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
}

/// Ids in a platform's own shape, always the same for the same name.
enum Shape {
    static func slackID(_ prefix: Character, from name: String) -> String {
        if name.first == prefix, name.utf8.count >= 2,
            name.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) })
        {
            return name
        }
        var random = SeededRandom(seed: SeededRandom.hash(name), purpose: "slack\(prefix)")
        return String(prefix) + "0" + random.text(9, of: Alphabet.upper)
    }

    /// Positive for people.
    static func telegramUser(from name: String) -> Int64 {
        if let number = Int64(name), number > 0 { return number }
        return Int64(5_000_000_000 + SeededRandom.hash(name) % 2_000_000_000)
    }

    /// Negative, beginning with -100, for supergroups.
    static func telegramGroup(from name: String) -> Int64 {
        if let number = Int64(name), number < 0 { return number }
        return -1_000_000_000_000 - Int64(1_000_000_000 + SeededRandom.hash(name) % 2_000_000_000)
    }

    static func snowflake(from name: String) -> String {
        if (15...20).contains(name.utf8.count), isDigits(name) { return name }
        return String(1_000_000_000_000_000_000 + SeededRandom.hash(name) % 400_000_000_000_000_000)
    }

    /// A number without the plus sign.
    static func phone(from name: String) -> String {
        let digits = name.first == "+" ? String(name.dropFirst()) : name
        if (8...15).contains(digits.utf8.count), isDigits(digits) { return digits }
        return "4915" + String(10_000_000 + SeededRandom.hash(name) % 89_999_999)
    }

    static func isDigits(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
