import ChannelKit
import ChannelManifests
import ParleyCore

/// What every channel must keep, whatever the platform: run it over ``Rule/allCases`` and expect no complaints.
package enum ChannelConformance {
    /// One promise, so that a test run names the one that is broken.
    package enum Rule: String, Sendable, CaseIterable, CustomStringConvertible {
        case `every sample becomes exactly what it says`
        case `there are enough samples, a guide and a well-formed manifest`
        case `a forged proof is refused`
        case `a missing proof is refused`
        case `a stale or future proof is refused`
        case `a truncated body is refused`
        case `every flipped bit is refused`
        case `no secret, no route`
        case `both secrets pass during a rotation`
        case `endless nesting is refused`
        case `a wrong media type or method is refused`
        case `proven nonsense is refused`
        case `hostile shapes neither trap nor slip through`
        case `unknown kinds are acknowledged`

        package var description: String { rawValue }
    }

    /// A channel and what the suite must know of its proof.
    package struct Subject: Sendable {
        package var channel: any Channel
        /// The folder in `channels/`: `Slack`.
        package var folder: String
        /// The credential that proves webhooks: `signing_secret`.
        package var proofField: String
        /// The headers that make the proof; taking away any one must be refused.
        package var proofHeaders: [String]
        package var signsBody: Bool
        package var signsTimestamp: Bool
        /// The status of a bare GET: 405, or 403 where the platform verifies with one.
        package var bareGetStatus: Int
        /// Two different values of ``proofField`` (shared secrets, or public keys).
        package var secrets: (String, String)
        /// Adds the proof to a request, made at its `receivedAt` with the secret (or the private key that belongs to
        /// the public key); for a value it does not know, including "", the best forgery there is.
        package var prove: @Sendable (_ request: WebhookRequest, _ secret: String) -> WebhookRequest
        /// Well-formed bodies of kinds that the platform may add tomorrow.
        package var unknownBodies: [String]

        package init(
            channel: any Channel,
            folder: String,
            proofField: String,
            proofHeaders: [String],
            signsBody: Bool,
            signsTimestamp: Bool,
            bareGetStatus: Int = 405,
            secrets: (String, String),
            unknownBodies: [String],
            prove: @escaping @Sendable (_ request: WebhookRequest, _ secret: String) -> WebhookRequest
        ) {
            self.channel = channel
            self.folder = folder
            self.proofField = proofField
            self.proofHeaders = proofHeaders
            self.signsBody = signsBody
            self.signsTimestamp = signsTimestamp
            self.bareGetStatus = bareGetStatus
            self.secrets = secrets
            self.unknownBodies = unknownBodies
            self.prove = prove
        }
    }

    /// What is wrong, a sentence each; empty when the channel keeps the rule.
    package static func complaints(about rule: Rule, of subject: Subject) throws -> [String] {
        let samples = try ChannelSample.all(in: subject.folder)
        let proven = samples.filter { $0.isProven(subject) }
        switch rule {
        case .`every sample becomes exactly what it says`: return samples.flatMap { $0.complaints(subject.channel) }
        case .`there are enough samples, a guide and a well-formed manifest`:
            return try folder(subject, samples.count)
        case .`a forged proof is refused`: return proven.flatMap { forged($0, subject) }
        case .`a missing proof is refused`: return proven.flatMap { missing($0, subject) }
        case .`a stale or future proof is refused`: return subject.signsTimestamp ? stale(proven, subject) : []
        case .`a truncated body is refused`: return subject.signsBody ? proven.flatMap { truncated($0, subject) } : []
        case .`every flipped bit is refused`: return subject.signsBody ? proven.flatMap { flipped($0, subject) } : []
        case .`no secret, no route`: return proven.flatMap { secretless($0, subject) }
        case .`both secrets pass during a rotation`: return rotating(subject)
        case .`endless nesting is refused`: return nested(subject)
        case .`a wrong media type or method is refused`: return proven.flatMap { mistyped($0, subject) }
        case .`proven nonsense is refused`: return nonsense(subject)
        case .`hostile shapes neither trap nor slip through`: return proven.flatMap { hostile($0, subject) }
        case .`unknown kinds are acknowledged`: return unknown(subject)
        }
    }
}

// MARK: The samples

extension ChannelSample {
    /// Whether it carries a whole proof and is accepted, so that breaking the proof must show.
    fileprivate func isProven(_ subject: ChannelConformance.Subject) -> Bool {
        guard case .reading = expectation else { return false }
        return request.method == .post && subject.proofHeaders.allSatisfy { request.headers[$0] != nil }
    }

    fileprivate func complaints(_ channel: any Channel) -> [String] {
        switch (expectation, outcome(of: request, for: integration, on: channel)) {
        case (.refusal(let status), .failure(let refusal)):
            return status == refusal.status ? [] : ["\(story): refused with \(refusal.status), expected \(status)"]
        case (.refusal(let status), .success):
            return ["\(story): was read, expected a refusal with \(status)"]
        case (.reading, .failure(let refusal)):
            return ["\(story): refused with \(refusal.status): \(refusal)"]
        case (.reading(let events, let ignored, let answer), .success(let reading)):
            return difference("events", JSON.array(events).sorted, JSON.array(reading.events.map(\.json)).sorted)
                + difference("ignored", ignored, reading.ignored)
                + difference("answer", answer.readable, reading.answer.readable)
                + reading.events.filter { InboundEvent(json: $0.json) != $0 }.map {
                    "\(story): \($0.dedupeKey) does not survive the inbox"
                }
        }
    }

    private func difference<Value: Equatable>(_ what: String, _ expected: Value, _ actual: Value) -> [String] {
        expected == actual ? [] : ["\(story): \(what)\n  expected \(expected)\n  read     \(actual)"]
    }
}

extension ChannelConformance {
    private static func folder(_ subject: Subject, _ samples: Int) throws -> [String] {
        var complaints: [String] = []
        if samples < 12 { complaints.append("only \(samples) samples") }
        if try Repository.bytes(of: "channels/\(subject.folder)/README.md").count < 500 {
            complaints.append("README.md says too little to connect a bot")
        }
        let bytes = try Repository.bytes(of: "channels/\(subject.folder)/\(subject.folder).json")
        guard let manifest = ChannelManifest(parsing: bytes) else { return complaints + ["not a manifest"] }
        if manifest.id.name != subject.folder.lowercased() { complaints.append("id \(manifest.id)") }
        if subject.channel.id != manifest.id { complaints.append("the channel calls itself \(subject.channel.id)") }
        if manifest.displayName.isEmpty { complaints.append("no display_name") }
        if manifest.webhookProof.isEmpty { complaints.append("no webhook.proof") }
        let json = try JSON(parsing: bytes)
        let fields = json["credentials"]?.array ?? []
        for field in fields where !isWellFormed(field: field) { complaints.append("credential \(field)") }
        let names = fields.compactMap { $0["name"]?.string }
        if Set(names).count != fields.count || names.isEmpty { complaints.append("credential names \(names)") }
        for limit in json["limits"]?.object?.members ?? []
        where (limit.value["value"]?.int ?? 0) <= 0 || limit.value["unit"]?.string?.isEmpty != false
            || limit.value["source"]?.string?.isEmpty != false || !isName(limit.key)
        {
            complaints.append("limit \(limit.key)")
        }
        if manifest.limits.isEmpty { complaints.append("no limits") }
        return complaints
    }

    private static func isWellFormed(field: JSON) -> Bool {
        isName(field["name"]?.string ?? "") && field["label"]?.string?.isEmpty == false
            && field["help"]?.string?.isEmpty == false && field["secret"]?.bool != nil
            && field["required"]?.bool != nil
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == 0x5F }
    }
}

// MARK: The proof

extension ChannelConformance {
    private static func forged(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        let field = subject.proofField
        // Whichever of the two is not the sample's own.
        let isFirst = sample.integration.credentials[field] == Secret(subject.secrets.0)
        let other = sample.integration.holding([
            field: isFirst ? subject.secrets.1 : subject.secrets.0, "previous_\(field)": "",
        ])
        let own = sample.integration.holding([field: subject.secrets.0, "previous_\(field)": ""])
        return expect(401, "\(sample): read under another secret") {
            outcome(of: sample.request, for: other, on: subject.channel)
        }
            + expect(401, "\(sample): signed by a stranger") {
                outcome(of: subject.prove(sample.request, subject.secrets.1), for: own, on: subject.channel)
            }
    }

    private static func missing(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        subject.proofHeaders.flatMap { header in
            var without = sample.request.headers
            without[header] = nil
            var empty = sample.request.headers
            empty[header] = ""
            return [without, empty].flatMap { headers in
                expect(401, "\(sample): without \(header)") {
                    outcome(of: sample.request.with(headers: headers), for: sample.integration, on: subject.channel)
                }
            }
        }
    }

    private static func stale(_ samples: [ChannelSample], _ subject: Subject) -> [String] {
        samples.flatMap { sample in
            let integration = sample.integration.holding([subject.proofField: subject.secrets.0])
            let request = subject.prove(sample.request, subject.secrets.0)
            let window = Limits.freshnessWindow
            let outside: [Duration] = [window + .seconds(1), .zero - window - .seconds(1), .seconds(31_536_000)]
            let inside: [Duration] = [window - .seconds(1), .zero - window + .seconds(1)]
            let tooFar = outside.flatMap { shift in
                expect(401, "\(sample): read \(shift) after signing") {
                    outcome(of: request.received(after: shift), for: integration, on: subject.channel)
                }
            }
            let nearEnough = inside.flatMap { shift in
                expect(nil, "\(sample): read \(shift) after signing") {
                    outcome(of: request.received(after: shift), for: integration, on: subject.channel)
                }
            }
            return tooFar + nearEnough
        }
    }

    private static func truncated(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        let body = sample.request.body
        let cuts = [
            Array(body.dropLast()), Array(body.dropFirst()), Array(body.prefix(body.count / 2)), [], body + [0x20],
        ]
        return cuts.filter { $0 != body }.flatMap { cut in
            expect(401, "\(sample): \(cut.count) of \(body.count) bytes") {
                outcome(of: sample.request.with(body: cut), for: sample.integration, on: subject.channel)
            }
        }
    }

    /// All bits of small bodies, a thousand spread over the others.
    private static func flipped(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        let bits = sample.request.body.count * 8
        let step = max(1, bits / 1000)
        var accepted: [Int] = []
        for bit in stride(from: 0, to: bits, by: step) {
            var body = sample.request.body
            body[bit / 8] ^= 1 << UInt8(bit % 8)
            let result = outcome(of: sample.request.with(body: body), for: sample.integration, on: subject.channel)
            if case .failure(let refusal) = result, refusal.status == 401 { continue }
            accepted.append(bit)
        }
        return accepted.isEmpty ? [] : ["\(sample): flipped bits \(accepted) did not matter"]
    }

    private static func secretless(_ sample: ChannelSample, _ subject: Subject) -> [String] {
        let request = subject.prove(sample.request, "")
        let bare = sample.integration.withoutSecrets
        return [bare, bare.holding([subject.proofField: ""]), bare.holding(["previous_\(subject.proofField)": ""])]
            .flatMap { integration in
                [request, sample.request].flatMap { request in
                    expect(401, "\(sample): an integration without secret") {
                        outcome(of: request, for: integration, on: subject.channel)
                    }
                }
            }
    }

    private static func rotating(_ subject: Subject) -> [String] {
        guard let sample = try? ChannelSample.all(in: subject.folder).first(where: { $0.isProven(subject) }) else {
            return ["no proven sample"]
        }
        let rotating = sample.integration.holding([
            subject.proofField: subject.secrets.1, "previous_\(subject.proofField)": subject.secrets.0,
        ])
        return [subject.secrets.0, subject.secrets.1].flatMap { secret in
            expect(nil, "one of two secrets") {
                outcome(of: subject.prove(sample.request, secret), for: rotating, on: subject.channel)
            }
        }
            + expect(401, "a third secret") {
                outcome(of: subject.prove(sample.request, "a third secret"), for: rotating, on: subject.channel)
            }
    }
}

// MARK: What is proven and still not to be trusted

extension ChannelConformance {
    private static func nested(_ subject: Subject) -> [String] {
        [String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 100_000)].flatMap { body in
            expect(400, "100,000 levels of \(body.prefix(1))") { provenOutcome(Array(body.utf8), subject) }
        }
    }

    private static func nonsense(_ subject: Subject) -> [String] {
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

    private static func unknown(_ subject: Subject) -> [String] {
        subject.unknownBodies.compactMap { body in
            switch provenOutcome(Array(body.utf8), subject) {
            case .failure(let refusal): "refused with \(refusal.status): \(body)"
            case .success(let reading):
                reading.events.isEmpty && !reading.ignored.isEmpty && reading.answer.status == 200
                    ? nil : "not ignored with 200: \(body)"
            }
        }
    }

    private static func mistyped(_ sample: ChannelSample, _ subject: Subject) -> [String] {
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
    private static func hostile(_ sample: ChannelSample, _ subject: Subject) -> [String] {
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

    private static func provenOutcome(_ body: [UInt8], _ subject: Subject) -> Result<WebhookReading, WebhookRefusal> {
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
    private static func expect(
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

// MARK: Helpers

private func outcome(
    of request: WebhookRequest,
    for integration: ChannelIntegration,
    on channel: any Channel
) -> Result<WebhookReading, WebhookRefusal> {
    do throws(WebhookRefusal) { return .success(try channel.read(request, for: integration)) } catch {
        return .failure(error)
    }
}

extension WebhookRequest {
    /// The same request with other headers.
    package func with(headers: [String: String]) -> WebhookRequest {
        WebhookRequest(method: method, headers: headers, query: query, body: body, receivedAt: receivedAt)
    }

    /// The same request with another body and the old proof.
    package func with(body: [UInt8]) -> WebhookRequest {
        WebhookRequest(method: method, headers: headers, query: query, body: body, receivedAt: receivedAt)
    }

    /// The same request, read later (or earlier).
    package func received(after shift: Duration) -> WebhookRequest {
        WebhookRequest(
            method: method,
            headers: headers,
            query: query,
            body: body,
            receivedAt: receivedAt.advanced(by: shift)
        )
    }
}

extension ChannelIntegration {
    /// The same integration with some credentials replaced.
    package func holding(_ fields: [String: String]) -> ChannelIntegration {
        with(credentials: credentials.merging(ChannelCredentials(fields.mapValues { Secret($0) })))
    }

    package var withoutSecrets: ChannelIntegration { with(credentials: ChannelCredentials([:])) }

    private func with(credentials: ChannelCredentials) -> ChannelIntegration {
        ChannelIntegration(
            id: id,
            businessID: businessID,
            channel: channel,
            name: name,
            credentials: credentials,
            settings: settings,
            isActive: isActive
        )
    }
}

extension WebhookAnswer {
    fileprivate var readable: String {
        "\(status) \(contentType ?? "no type") \(String(decoding: body, as: UTF8.self))"
    }
}

extension JSON {
    /// Members by name: two objects that differ in order alone are equal.
    package var sorted: JSON {
        switch self {
        case .object(let object):
            .object(
                JSONObject(
                    object.members.sorted { $0.key < $1.key }.map {
                        JSONObject.Member(key: $0.key, value: $0.value.sorted)
                    }
                )
            )
        case .array(let elements): .array(elements.map(\.sorted))
        default: self
        }
    }

    /// As many copies as there are values in the tree, each with one of them replaced.
    fileprivate func replacingEach(by value: JSON) -> [JSON] {
        switch self {
        case .object(let object):
            [value]
                + object.members.indices.flatMap { index in
                    object.members[index].value.replacingEach(by: value).map { replaced in
                        var members = object.members
                        members[index].value = replaced
                        return .object(JSONObject(members))
                    }
                }
        case .array(let elements):
            [value]
                + elements.indices.flatMap { index in
                    elements[index].replacingEach(by: value).map { replaced in
                        var copy = elements
                        copy[index] = replaced
                        return .array(copy)
                    }
                }
        default: [value]
        }
    }
}
