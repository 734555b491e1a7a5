import ParleyCore

/// An id of Discord's: decimal digits as text, for it does not fit in a JavaScript number.
struct Snowflake {
    /// The ids of one channel grow with time.
    let position: Int64

    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 20,
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = UInt64(text)
        else { return nil }
        position = Int64(clamping: value)
    }

    /// Milliseconds since the first second of 2015 lie above 22 other bits (Discord docs, Snowflakes).
    var createdAt: Timestamp { Timestamp(milliseconds: position >> 22 + 1_420_070_400_000) }
}
