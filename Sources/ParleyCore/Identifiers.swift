import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A typed identifier: `ID<Conversation>` does not compile where `ID<Business>` is wanted.
///
/// The value is a UUID version 7 (RFC 9562 §5.7), so ids made later sort later.
package struct ID<Entity>: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let uuid: UUID7

    package init(_ uuid: UUID7) { self.uuid = uuid }

    /// A new id stamped with the given time.
    package init(at now: Timestamp) { uuid = UUID7(at: now) }

    /// Reads the 36-character text form; nil for anything else.
    package init?(_ text: some StringProtocol) {
        guard let uuid = UUID7(text) else { return nil }
        self.uuid = uuid
    }

    package var description: String { uuid.description }

    package static func < (left: Self, right: Self) -> Bool { left.uuid < right.uuid }
}

// What an id may point at. The names are those of the vocabulary (docs: design, §2).
package enum Business {}
package enum User {}
package enum Contact {}
package enum Integration {}
package enum Conversation {}
package enum Session {}
package enum Turn {}
package enum Message {}
package enum Inbound {}
package enum Delivery {}
package enum Agent {}
package enum CatalogueTool {}
package enum Lead {}
package enum KnowledgeEntry {}
package enum DataIntegration {}
package enum Endpoint {}

/// The id of a channel: "slack", "telegram", "discord", "whatsapp", or that of a fifth one.
package struct ChannelID: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let name: String
    package init(_ name: String) { self.name = name }
    package init(stringLiteral value: String) { name = value }
    package var description: String { name }
}

/// 128 bits laid out as RFC 9562 UUID version 7: 48 bits of Unix milliseconds, then random bits.
package struct UUID7: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package init(at now: Timestamp) {
        let milliseconds = UInt64(clamping: now.milliseconds) & 0xFFFF_FFFF_FFFF
        let (first, second) = RandomWords.two()
        high = milliseconds << 16 | 0x7000 | (first & 0x0FFF)
        low = second & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    }

    /// The smallest value of a moment: ids made before it are smaller, ids made from it on are not.
    package init(firstAt moment: Timestamp) {
        high = (UInt64(clamping: moment.milliseconds) & 0xFFFF_FFFF_FFFF) << 16
        low = 0
    }

    /// When it was made, to the millisecond.
    package var madeAt: Timestamp { Timestamp(milliseconds: Int64(high >> 16)) }

    package init?(_ text: some StringProtocol) {
        guard let uuid = text.withUTF8Bytes({ UUID7(spelled: $0) }) else { return nil }
        self = uuid
    }

    private init?(spelled text: UnsafeBufferPointer<UInt8>) {
        guard text.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        for (position, byte) in text.enumerated() {
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard let nibble = Hex.value(of: byte) else { return nil }
                if digits < 16 { high = high << 4 | UInt64(nibble) } else { low = low << 4 | UInt64(nibble) }
                digits += 1
            }
        }
        self.high = high
        self.low = low
    }

    package var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var position = 0
            for index in 0..<32 {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    buffer[position] = UInt8(ascii: "-")
                    position += 1
                }
                let word = index < 16 ? high : low
                let nibble = UInt8(truncatingIfNeeded: word >> UInt64((15 - index % 16) * 4)) & 0xF
                buffer[position] = Hex.digit(of: nibble)
                position += 1
            }
            return 36
        }
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }
}

/// Random bits of the system, fetched 256 bytes at a time: a webhook makes several ids, and each fetch is a system call.
private enum RandomWords {
    private struct State {
        var words: [UInt64] = []
    }

    private static let state = Mutex(State())

    static func two() -> (UInt64, UInt64) {
        state.withLock { state in
            while true {
                if state.words.count >= 2 { return (state.words.removeLast(), state.words.removeLast()) }
                state.words = fetch()
            }
        }
    }

    private static func fetch() -> [UInt64] {
        var words = [UInt64](repeating: 0, count: 32)
        let isFilled = words.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) == 0 }
        if isFilled { return words }
        var random = SystemRandomNumberGenerator()
        return words.map { _ in random.next() }
    }
}

/// Lower-case hexadecimal, the spelling every platform's signature uses.
package enum Hex {
    package static func digit(of nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }

    package static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digit(of: byte >> 4))
            text.append(digit(of: byte & 0xF))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of an even number of hexadecimal digits; nil for anything else.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        text.withUTF8Bytes { digits in
            guard digits.count.isMultiple(of: 2) else { return nil }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(digits.count / 2)
            for index in stride(from: 0, to: digits.count, by: 2) {
                guard let high = value(of: digits[index]), let low = value(of: digits[index + 1]) else { return nil }
                bytes.append(high << 4 | low)
            }
            return bytes
        }
    }
}
