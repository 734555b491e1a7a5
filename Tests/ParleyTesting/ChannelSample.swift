import ChannelKit
import FoundationEssentials
import ParleyCore

/// A recorded webhook and what it must become: `channels/<Folder>/samples/<story>.json`.
///
/// A sample is a JSON object of `description`, `method`, `query`, `headers` (lower-case names, real proofs), `body` (the
/// text exactly as posted), `credentials`, `settings`, `received_at` (Unix seconds) and `expect`, which is
/// `{"refused": 401}` or `{"events": […], "ignored": […], "answer": {"status", "content_type", "body"}}`.
package struct ChannelSample: Sendable, CustomStringConvertible {
    /// What a sample must become.
    package enum Expectation: Sendable {
        /// The HTTP status of the refusal.
        case refusal(status: Int)
        /// `events` in the form of ``InboundEvent/json``.
        case reading(events: [JSON], ignored: [String], answer: WebhookAnswer)
    }

    /// The file's name without `.json`.
    package let story: String
    package let request: WebhookRequest
    package let integration: ChannelIntegration
    package let expectation: Expectation

    package var description: String { story }

    /// The samples in `channels/<folder>/samples`, by name. Throws when one cannot be read.
    package static func all(in folder: String) throws -> [ChannelSample] {
        let path = "\(Repository.root)/channels/\(folder)/samples"
        return try FileManager.default.contentsOfDirectory(atPath: path)
            .filter { $0.hasSuffix(".json") }
            .sorted()
            .map { try ChannelSample(story: String($0.dropLast(5)), file: "\(path)/\($0)", folder: folder) }
    }
}

/// Where the repository lies on this machine.
package enum Repository {
    /// Derived from the place of this file, `Tests/ParleyTesting/ChannelSample.swift`.
    package static var root: String {
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    }

    /// The bytes of a file by its path from ``root``.
    package static func bytes(of path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: "\(root)/\(path)") else {
            throw SampleProblem(description: "\(path) cannot be read")
        }
        return Array(data)
    }
}

/// A sample that is not in the documented form.
package struct SampleProblem: Error, CustomStringConvertible {
    package let description: String
}

extension ChannelSample {
    private init(story: String, file: String, folder: String) throws {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw SampleProblem(description: "\(file) cannot be read")
        }
        let json = try JSON(parsing: Array(data))
        guard let body = json["body"]?.string, let receivedAt = json["received_at"]?.int,
            let method = json["method"]?.string, let expected = json["expect"],
            json["description"]?.string?.isEmpty == false
        else {
            throw SampleProblem(description: "\(file): description, method, body, received_at or expect is missing")
        }
        self.story = story
        request = WebhookRequest(
            method: method == "GET" ? .get : .post,
            headers: WebhookHeaders(strings(json["headers"])),
            query: strings(json["query"]).map { (name: $0.0, value: $0.1) },
            body: Array(body.utf8),
            receivedAt: Timestamp(seconds: receivedAt)
        )
        integration = ChannelIntegration(
            id: ID(UUID7(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001)),
            businessID: ID(UUID7(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0002)),
            channel: ChannelID(folder.lowercased()),
            name: folder,
            credentials: ChannelCredentials(
                Dictionary(
                    strings(json["credentials"]).map { ($0.0, Secret($0.1)) },
                    uniquingKeysWith: { first, _ in first }
                )
            ),
            settings: json["settings"] ?? [:]
        )
        expectation = try Expectation(expected, file: file)
    }
}

extension ChannelSample.Expectation {
    fileprivate init(_ json: JSON, file: String) throws {
        if let status = json["refused"]?.int {
            self = .refusal(status: Int(clamping: status))
        } else if let events = json["events"]?.array {
            let answer = json["answer"]
            self = .reading(
                events: events,
                ignored: (json["ignored"]?.array ?? []).compactMap(\.string),
                answer: WebhookAnswer(
                    status: Int(clamping: answer?["status"]?.int ?? 200),
                    contentType: answer?["content_type"]?.string,
                    body: Array((answer?["body"]?.string ?? "").utf8)
                )
            )
        } else {
            throw SampleProblem(description: "\(file): expect has neither refused nor events")
        }
    }
}

private func strings(_ json: JSON?) -> [(String, String)] {
    (json?.object?.members ?? []).compactMap { member in member.value.string.map { (member.key, $0) } }
}
