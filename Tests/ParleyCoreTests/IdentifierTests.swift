import ParleyCore
import Testing

@Suite struct IdentifierTests {
    @Test func `an id is a UUID of version 7 and variant 1 with its time in front`() throws {
        let id = UUID7(at: Timestamp(milliseconds: 0x0123_4567_89AB))
        let text = id.description
        #expect(text.hasPrefix("01234567-89ab-7"))
        let variant = try #require(text.dropFirst(19).first)
        #expect("89ab".contains(variant))
        #expect(text.count == 36)
    }

    @Test func `RFC 9562's own example is read and written the same`() throws {
        let text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
        let id = try #require(UUID7(text))
        #expect(id.description == text)
        #expect(id.high >> 16 == 0x017F_22E2_79B0)
        #expect(UUID7(text.uppercased()) == id)
    }

    @Test(arguments: [
        "", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "017f22e2+79b0-7cc3-98c4-dc0c0c07398f",
        " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c0739８f",
        "------------------------------------",
    ]) func `what is not the 36-character form is not an id`(_ text: String) {
        #expect(UUID7(text) == nil)
        #expect(ID<Business>(text) == nil)
    }

    @Test func `ids made later sort later, as values and as text`() {
        let ids = (0..<200).map { UUID7(at: Timestamp(milliseconds: 1_800_000_000_000 + Int64($0) * 7)) }
        #expect(ids == ids.sorted())
        #expect(ids.map(\.description) == ids.map(\.description).sorted())
    }

    @Test func `ids of one moment differ`() {
        #expect(Set((0..<10_000).map { _ in UUID7(at: Timestamp(seconds: 1)) }).count == 10_000)
    }

    @Test func `a time before 1970 or beyond 48 bits gives an id and no trap`() {
        #expect(UUID7(at: Timestamp(microseconds: .min)).high >> 16 == 0)
        _ = UUID7(at: Timestamp(microseconds: .max))
    }

    @Test func `hexadecimal is written in lower case and read in both`() {
        #expect(Hex.encode([0, 0x0F, 0xA5, 0xFF]) == "000fa5ff")
        #expect(Hex.decode("000fA5fF") == [0, 0x0F, 0xA5, 0xFF])
        #expect(Hex.decode("") == [])
        for text in ["0", "0g", "0x", " 00", "00 ", "０0"] { #expect(Hex.decode(text) == nil) }
    }
}
