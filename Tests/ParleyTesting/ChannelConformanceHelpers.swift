import ChannelKit
import ParleyCore

// Requests, integrations and JSON with one thing changed.

func outcome(
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
    package func with(headers: WebhookHeaders) -> WebhookRequest {
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
    var readable: String {
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
    func replacingEach(by value: JSON) -> [JSON] {
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
