import ParleyCore
import Testing

@Suite struct SecretTests {
    private struct Holder {
        let name = "bot"
        let token = Secret("hunter2-hunter2")
        let tokens = ["a": Secret("hunter2-hunter2")]
    }

    private struct Problem: Error { let token = Secret("hunter2-hunter2") }

    @Test func `no way of printing tells a secret`() {
        let secret = Secret("hunter2-hunter2")
        var dumped = ""
        dump(Holder(), to: &dumped)
        dump([secret], to: &dumped)
        let texts = [
            "\(secret)", secret.description, secret.debugDescription, String(reflecting: secret),
            String(describing: secret),
            "\(Optional(secret) as Any)", "\([secret])", "\(["k": secret])", "\(Holder())",
            String(reflecting: Holder()),
            "\(Problem())", String(reflecting: Problem()), "\(Mirror(reflecting: secret).children.map(\.value))",
            dumped,
        ]
        for text in texts { #expect(!text.contains("hunter2")) }
        #expect(!dumped.isEmpty)
    }

    @Test func `a secret is revealed to who asks for it by name`() {
        #expect(Secret("abc").reveal { $0.count } == 3)
        #expect(Secret("a") == Secret("a"))
        #expect(Secret("a") != Secret("b"))
        #expect(Secret("").isEmpty)
        #expect(!Secret(" ").isEmpty)
    }
}
