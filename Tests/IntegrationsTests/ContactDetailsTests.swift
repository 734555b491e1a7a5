import AgentKit
import ParleyCore
import Testing

@Suite struct ContactDetailsTests {
    @Test(arguments: [
        ("bob@example.com", "bob@example.com"), ("Mail me at Bob.Smith@Example.COM.", "bob.smith@example.com"),
        ("<ada+shop@mail.example.co.uk>", "ada+shop@mail.example.co.uk"), ("email:x_y@a-b.org!", "x_y@a-b.org"),
        ("mailto:a@b.io?subject=x", "a@b.io"), ("我的邮箱是bob@example.com谢谢", "bob@example.com"),
        ("“o'neil@example.ie”", "o'neil@example.ie"), ("(a@b.de),c@d.de", "a@b.de"), ("@ no, x@y.museum", "x@y.museum"),
        ("a@b.xn--p1ai", "a@b.xn--p1ai"), ("...dots@example.com", "dots@example.com"),
    ])
    func `an e-mail address is found`(text: String, email: String) {
        #expect(ContactDetails.find(in: text).email == email)
    }

    @Test(arguments: [
        "bob@", "@example.com", "bob@example", "bob at example.com", "bob@.com", "bob@example..com", "bob@-a.com",
        "a..b@example.com", "@bob@mastodon.social", "https://user:pw@example.com/", "müller@example.com",
        "bob@exämple.com", "a@b.com@c.com", "x@1.2.3.4", "@@@@@@", "bob@example.c", "price @ 5.50",
    ])
    func `what is no e-mail address is not taken for one`(text: String) {
        #expect(ContactDetails.find(in: text).email == nil)
    }

    @Test(arguments: [
        ("+49 170 1234567", "+491701234567"), ("call +1 (555) 123-4567 please", "+15551234567"),
        ("(555) 123-4567", "5551234567"), ("555-123-4567", "5551234567"), ("555.123.4567", "5551234567"),
        ("my number: 555 123 4567.", "5551234567"), ("1-555-123-4567", "15551234567"),
        ("+49 (0)170 1234567", "+491701234567"), ("0170 1234567", "01701234567"), ("0170/1234567", "01701234567"),
        ("020 7946 0958", "02079460958"), ("06 12 34 56 78", "0612345678"), ("01701234567", "01701234567"),
        ("tel:+491701234567", "+491701234567"), ("Phone: 5551234567", "5551234567"),
        ("call me at 13812345678", "13812345678"), ("(+44) 20 7946 0958", "+442079460958"),
        ("my order 1001 is late, call 555-123-4567", "5551234567"), ("555-123-4567x89", "5551234567"),
        ("+86-138-1234-5678,thanks", "+8613812345678"), ("me:+12025550123;", "+12025550123"),
        ("Reach me on 07700 900123 after 5", "07700900123"), ("#1001 555-123-4567", "5551234567"),
        ("电话+8613812345678谢谢", "+8613812345678"), ("+39 06 1234 5678", "+390612345678"),
    ])
    func `a phone number is found`(text: String, phone: String) {
        #expect(ContactDetails.find(in: text).phone == phone)
    }

    @Test(arguments: [
        "$1,299.00", "it costs 1299 dollars", "order #1001", "#1234567890", "order 5551234567",
        "order number 0123456789",
        "2026-11-21", "21.11.2026", "01.02.2026 12 Uhr", "11/21/2026 10:30", "in 2026", "from 1990-2026",
        "9783161484100", "978-3-16-148410-0", "ISBN 0-306-40615-2", "ISBN 0306406152", "192.168.1.1", "10.0.0.1",
        "010.000.000.001", "255.255.255.255", "12:04", "09:00-17:00", "iPhone 15", "5 in stock", "4111 1111 1111 1111",
        "123-45-6789", "version 10.0.19045", "1.299.000", "1234567890", "5551234567abc", "abc5551234567",
        "100 200 300 4000",
        "50% off 1000000", "€100.200.3000", "https://x.example/5551234567/555-123-4567", "tracking 1Z999AA10123456784",
        "+5 more", "3+4=7", "+0 170 1234567", "+1234567890123456", "0000000000", "2+491701234567", "10000000 users",
        "size 38 39 40 41", "DE89 3704 0044 0532 0130 00", "1760000000",
    ])
    func `what is no phone number is not taken for one`(text: String) {
        #expect(ContactDetails.find(in: text).phone == nil)
    }

    @Test(arguments: [
        ("my name is Ada Lovelace, call me", "Ada Lovelace"), ("My name is bob", "bob"),
        ("Hi, my name is Jean-Luc Picard and I need help", "Jean-Luc Picard"), ("my name is O'Neil.", "O'Neil"),
    ])
    func `a name is found when it is said`(text: String, name: String) {
        #expect(ContactDetails.find(in: text).name == name)
    }

    @Test(arguments: ["I am interested", "the name is wrong", "my name is", "my name is 007", "what is my name"])
    func `no name is made up`(text: String) {
        #expect(ContactDetails.find(in: text).name == nil)
    }

    @Test(arguments: ["@", "a@", "1 ", "+1 (", "1-", ".", "a.b@c.d@", "9", "my name is "])
    func `hostile input is read once`(piece: String) {
        let text = String(repeating: piece, count: 100_000)
        let start = ContinuousClock.now
        _ = ContactDetails.find(in: text)
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test func `what lies beyond the limit is not read`() {
        let text = String(repeating: "x ", count: Limits.inboxTextBytes / 2) + "bob@example.com"
        #expect(ContactDetails.find(in: text).email == nil)
    }

    @Test(arguments: [
        ("bob@Example.com", "bob@example.com" as String?), (" a@b.de ", "a@b.de"), ("mail a@b.de", nil), ("", nil),
        ("a@b", nil),
        (String(repeating: "a", count: 300) + "@b.de", nil),
    ])
    func `a whole text is an address or not`(text: String, email: String?) {
        #expect(ContactDetails.email(text) == email)
    }

    @Test(arguments: [
        ("+49 170 1234567", "+491701234567" as String?), ("5551234567", "5551234567"), ("(555) 123.4567", "5551234567"),
        ("12345", nil), ("call 5551234567", nil), ("1234567890123456", nil), ("", nil), ("5+51234567", nil),
    ])
    func `a whole text is a phone number or not`(text: String, phone: String?) {
        #expect(ContactDetails.phone(text) == phone)
    }
}
