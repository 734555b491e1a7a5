import ChannelKit
import ParleyCore

// What is proven and still not to be trusted.

extension ChannelConformance {
    static func nested(_ subject: Subject) -> [String] {
        [String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 100_000)].flatMap { body in
            expect(400, "100,000 levels of \(body.prefix(1))") { provenOutcome(Array(body.utf8), subject) }
        }
    }

    static func nonsense(_ subject: Subject) -> [String] {
        let bodies: [[UInt8]] = [
            [], Array("{".utf8), Array("{}}".utf8), Array("nul".utf8), Array("{'a':1}".utf8), [0xFF, 0xFE], [0],
            Array(#"{"a":"#.utf8) + [0x22, 0xC3, 0x28, 0x22, 0x7D],
        ]
        return bodies.flatMap { body in
            expect(400, "the body \(String(decoding: body, as: UTF8.self))") { provenOutcome(body, subject) }
        }
            + ["null", "[]", "1", #""text""#, "{}", "1e999", "-0"].compactMap { body in
                switch provenOutcome(Array(body.utf8), subject) {
                case .failure(let refusal): refusal.status == 400 ? nil : "the body \(body): \(refusal.status)"
                case .success(let reading): reading.events.isEmpty ? nil : "the body \(body) became an event"
                }
            }
    }

    static func unknown(_ subject: Subject) -> [String] {
        subject.unknownBodies.compactMap { body in
            switch provenOutcome(Array(body.utf8), subject) {
            case .failure(let refusal): "refused with \(refusal.status): \(body)"
            case .success(let reading):
                reading.events.isEmpty && !reading.ignored.isEmpty && reading.answer.status == 200
                    ? nil : "not ignored with 200: \(body)"
            }
        }
    }

    static func mistyped(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        let types: [String?] = [nil, "", "text/html", "application/xml; charset=utf-8"]
        return types.flatMap { type in
            var headers = sample.request.headers
            headers["content-type"] = type
            return expect(415, "\(sample): content type \(type ?? "missing")") {
                outcome(of: sample.request.with(headers: headers), for: sample.integration, on: subject.channel)
            }
        }
            + expect(subject.bareGetStatus, "\(sample): by GET") {
                let get = WebhookRequest(
                    method: .get,
                    headers: sample.request.headers,
                    body: sample.request.body,
                    receivedAt: sample.request.receivedAt
                )
                return outcome(of: get, for: sample.integration, on: subject.channel)
            }
    }

    /// Puts a value of the wrong kind in every place of the body, one at a time.
    static func hostile(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        guard let json = try? JSON(parsing: sample.request.body) else { return [] }
        let integration = sample.integration.holding([subject.proofField: subject.secrets.0])
        let values: [JSON] = [
            .null, "", "-1", "99999999999999999999999.999", "\u{0}\u{202E}💥", 0, -1, .integer(.max), .integer(.min),
            .number(1e308), true, [], [.null], [:], ["": [[:]]],
        ]
        return values.flatMap { value in
            json.replacingEach(by: value).compactMap { mutant in
                let request = subject.prove(sample.request.with(body: mutant.encoded()), subject.secrets.0)
                guard case .failure(let refusal) = outcome(of: request, for: integration, on: subject.channel),
                    refusal.status != 400
                else { return nil }
                return "\(sample): refused with \(refusal.status): \(mutant)"
            }
        }
    }

    static func provenOutcome(_ body: [UInt8], _ subject: Subject) -> Result<WebhookReading, WebhookRefusal> {
        guard let sample = try? ChannelSample.all(in: subject.folder).first(where: { $0.isProven(subject) }) else {
            return .failure(.unproven("no proven sample"))
        }
        var headers = sample.request.headers
        headers["content-type"] = "application/json"
        let request = subject.prove(sample.request.with(headers: headers).with(body: body), subject.secrets.0)
        let integration = sample.integration.holding([subject.proofField: subject.secrets.0])
        return outcome(of: request, for: integration, on: subject.channel)
    }

    /// `status` nil: it must be read.
    static func expect(
        _ status: Int?,
        _ what: String,
        _ outcome: () -> Result<WebhookReading, WebhookRefusal>
    ) -> [String] {
        switch (status, outcome()) {
        case (nil, .success): []
        case (nil, .failure(let refusal)): ["\(what): refused with \(refusal.status): \(refusal)"]
        case (let status?, .success): ["\(what): was read, expected \(status)"]
        case (let status?, .failure(let refusal)):
            refusal.status == status ? [] : ["\(what): refused with \(refusal.status), expected \(status)"]
        }
    }
}
