import ChannelKit
import ChannelManifests
import ParleyCore

// What the repository says of a channel: its samples, guide and manifest.

extension ChannelSample {
    /// Whether it carries a whole proof and is accepted, so that breaking the proof must show.
    func isProven(_ subject: ChannelConformance.Subject) -> Bool {
        guard case .reading = expectation else { return false }
        return request.method == .post && subject.proofHeaders.allSatisfy { request.headers[$0] != nil }
    }

    func complaints(_ channel: any Channel) -> [String] {
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
    static func folder(_ subject: Subject, _ samples: Int) throws -> [String] {
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

    static func isWellFormed(field: JSON) -> Bool {
        isName(field["name"]?.string ?? "") && field["label"]?.string?.isEmpty == false
            && field["help"]?.string?.isEmpty == false && field["secret"]?.bool != nil
            && field["required"]?.bool != nil
    }

    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == 0x5F }
    }
}
