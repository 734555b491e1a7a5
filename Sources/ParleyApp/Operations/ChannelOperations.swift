import ChannelKit
import ParleyCore
import Storage

// parley channel list, test, disable, enable
extension Operations {
    package func listChannels(of business: ID<Business>?) async throws -> Report {
        var records: [IntegrationRecord] = []
        for business in try await businesses(business) {
            records += try await stores.integrations.list(of: business.id)
        }
        return Report(
            records.map(\.json),
            ["ID", "CHANNEL", "NAME", "STATE", "HEALTH", "WEBHOOK"],
            records.map {
                [
                    $0.id.description, $0.channel.name, $0.name, $0.isActive ? "enabled" : "disabled",
                    $0.health.rawValue, $0.webhookURL ?? "",
                ]
            },
            whenEmpty: "No channel is connected. Connect one with: "
                + "parley channel connect CHANNEL --business ID --credentials FILE"
        )
    }

    /// Tries the stored credentials again and, where a public URL is set, tells the platform once more where to post.
    package func testChannel(_ id: ID<Integration>) async throws -> Report {
        let loaded = try await integration(id)
        let record = loaded.record
        guard let channel = try channel(record.channel) as? any ConnectingChannel else {
            return Report(record.json, "\(record.channel) has no way to try credentials.")
        }
        let credentials = try ChannelCredentials(revealed: loaded.credentials)
        let url = workbench.settings.webhookURL(record.channel, id)
        let isReachable = workbench.settings.publicURL != nil && record.isActive
        let identity: ConnectedIdentity
        do throws(ConnectionProblem) {
            identity = try await channel.connect(
                credentials,
                webhookURL: isReachable ? url : nil,
                over: workbench.transport
            )
        } catch {
            if !error.isUnreachable {
                _ = try await stores.integrations.setHealth(.refused, id, of: record.businessID)
            }
            throw OperationError(
                "\(record.name) on \(record.channel): \(error)",
                fix: error.isUnreachable
                    ? "try again; the health is left as it was (\(record.health.rawValue))"
                    : "connect again with valid credentials, then: parley channel disable \(id)"
            )
        }
        try await keep(identity, of: record, credentials: credentials, url: isReachable ? url : nil)
        let now = try await integration(id).record
        var json = now.json
        json["remaining"] = .array(identity.remaining.map { JSON($0) })
        return Report(
            json,
            [.check(.good, "\(now.name) on \(now.channel): the credentials are accepted", fix: nil)]
                + identity.remaining.map { .check(.note, $0, fix: nil) }
        )
    }

    package func setChannel(_ id: ID<Integration>, enabled: Bool) async throws -> Report {
        let record = try await integration(id).record
        _ = try await stores.integrations.setActive(enabled, id, of: record.businessID)
        let now = try await integration(id).record
        return Report(
            now.json,
            enabled
                ? "\(now.name) on \(now.channel) is enabled."
                : "\(now.name) on \(now.channel) is disabled: what comes in is acknowledged and not answered, and nothing is sent until it is enabled."
        )
    }

    private func keep(
        _ identity: ConnectedIdentity,
        of record: IntegrationRecord,
        credentials: ChannelCredentials,
        url: String?
    ) async throws {
        let (id, business) = (record.id, record.businessID)
        if !identity.generated.fieldNames.isEmpty {
            let all = credentials.merging(identity.generated)
            _ = try await stores.integrations.replace(credentials: all.revealedJSON(), of: id, business: business)
        }
        var settings = record.settings
        for member in identity.settings.object?.members ?? [] { settings[member.key] = member.value }
        if settings != record.settings {
            _ = try await stores.integrations.change(settings: settings, of: id, business: business)
        }
        if let url, url != record.webhookURL { _ = try await stores.integrations.setWebhookURL(url, id, of: business) }
        _ = try await stores.integrations.setHealth(.ok, id, of: business)
    }
}

extension IntegrationRecord {
    var json: JSON {
        [
            "id": JSON(id.description), "business_id": JSON(businessID.description), "channel": JSON(channel.name),
            "name": JSON(name), "webhook_url": webhookURL.map { JSON($0) } ?? .null, "is_active": .bool(isActive),
            "health": JSON(health.rawValue), "created_at": JSON(createdAt.description),
        ]
    }
}
