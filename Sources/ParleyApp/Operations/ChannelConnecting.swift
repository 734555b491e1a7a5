import ChannelKit
import ChannelManifests
import ParleyCore
import Pipeline
import Storage

// parley channel connect
extension Operations {
    /// Tries the credentials against the platform, unless told not to, and keeps them encrypted.
    ///
    /// - Parameter replaced: the integration whose credentials these are from now on; its id and its webhook's address stay.
    package func connectChannel(
        _ channelID: ChannelID,
        of business: ID<Business>,
        credentials file: InputFile,
        name: String? = nil,
        replacing replaced: ID<Integration>? = nil,
        skipsCheck: Bool = false
    ) async throws -> Report {
        let channel = try channel(channelID)
        _ = try await self.business(business)
        let given = try ChannelCredentials(file.bytes(upTo: 64 << 10), from: file.name, for: channel.manifest)
        if let replaced { try await checkReplaceable(replaced, channelID, of: business) }
        let id = replaced ?? ID<Integration>(at: workbench.clock.now)
        let identity = try await identity(of: channel, given, id: id, skipsCheck: skipsCheck)
        let url = workbench.settings.webhookURL(channelID, id)
        let twins = try await connected(as: identity, on: channelID, of: business)
        let credentials = given.merging(identity?.generated ?? channel.manifest.missingSecret(given)).revealedJSON()
        let record: IntegrationRecord
        if replaced != nil {
            record = try await replace(credentials, of: id, business: business, identity: identity, url: url)
        } else {
            record = try await stores.integrations.connect(
                id: id,
                business: business,
                channel: channelID,
                name: name ?? identity?.name ?? channel.manifest.displayName,
                credentials: credentials,
                settings: identity?.settings ?? [:],
                webhookURL: url
            )
        }
        if identity != nil { _ = try await stores.integrations.setHealth(.ok, id, of: business) }
        var remaining = identity?.remaining ?? []
        if workbench.settings.publicURL == nil, !remaining.contains(where: { $0.contains("PARLEY_PUBLIC_URL") }) {
            remaining.append(
                "Set PARLEY_PUBLIC_URL to the https address under which the platform reaches this gateway; then: "
                    + "parley channel test \(id)"
            )
        }
        remaining += twins.filter { $0.id != id }.map {
            "The same bot is connected as \($0.id) already; switch that off: parley channel disable \($0.id)"
        }
        if identity == nil { remaining.append("Try the credentials when you can: parley channel test \(id)") }
        return report(record, url: url, isChecked: identity != nil, remaining: remaining)
    }

    private func checkReplaceable(
        _ id: ID<Integration>,
        _ channel: ChannelID,
        of business: ID<Business>
    ) async throws {
        guard let known = try await stores.integrations.integration(id, of: business) else {
            throw OperationError(
                "the business has no channel integration \(id)",
                fix: "parley channel list --business \(business)"
            )
        }
        guard known.channel == channel else {
            throw OperationError(
                "\(id) is on \(known.channel), not on \(channel)",
                fix: "parley channel connect \(known.channel) … --replace \(id)"
            )
        }
    }

    private func replace(
        _ credentials: Secret<[UInt8]>,
        of id: ID<Integration>,
        business: ID<Business>,
        identity: ConnectedIdentity?,
        url: String
    ) async throws -> IntegrationRecord {
        _ = try await stores.integrations.replace(credentials: credentials, of: id, business: business)
        if let settings = identity?.settings {
            _ = try await stores.integrations.change(settings: settings, of: id, business: business)
        }
        _ = try await stores.integrations.setWebhookURL(url, id, of: business)
        return try await integration(id).record
    }

    private func report(_ record: IntegrationRecord, url: String, isChecked: Bool, remaining: [String]) -> Report {
        let state = isChecked ? "connected" : "unchecked"
        return Report(
            [
                "id": JSON(record.id.description), "channel": JSON(record.channel.name), "webhook_url": JSON(url),
                "state": JSON(state), "name": JSON(record.name), "remaining": .array(remaining.map { JSON($0) }),
            ],
            [
                .line(
                    isChecked ? "Connected \(record.name) on \(record.channel)." : "Stored \(record.name), unchecked."
                ),
                .fields([
                    ("id", record.id.description), ("channel", record.channel.name), ("webhook", url), ("state", state),
                ]),
            ] + (remaining.isEmpty ? [] : [.line("\nStill to do:")]) + remaining.map { .line("  · \($0)") }
        )
    }

    private func identity(
        of channel: any Channel,
        _ credentials: ChannelCredentials,
        id: ID<Integration>,
        skipsCheck: Bool
    ) async throws -> ConnectedIdentity? {
        guard !skipsCheck, let channel = channel as? any ConnectingChannel else { return nil }
        do throws(ConnectionProblem) {
            return try await channel.connect(
                credentials,
                webhookURL: workbench.settings.publicURL == nil ? nil : workbench.settings.webhookURL(channel.id, id),
                over: workbench.transport
            )
        } catch {
            throw OperationError(
                "\(channel.manifest.displayName) could not be connected: \(error)",
                fix: error.isUnreachable
                    ? "try again, or store them unchecked with --skip-check; nothing was stored"
                    : "see channels/\(channel.manifest.displayName)/README.md for where each credential is found; "
                        + "nothing was stored"
            )
        }
    }

    /// Two routes for one bot would answer everything twice, or fight over its webhook.
    private func connected(
        as identity: ConnectedIdentity?,
        on channel: ChannelID,
        of business: ID<Business>
    ) async throws -> [IntegrationRecord] {
        guard let identity, identity.settings != [:] else { return [] }
        return try await stores.integrations.list(of: business).filter {
            $0.isActive && $0.channel == channel && $0.settings == identity.settings
        }
    }

    func channel(_ id: ChannelID) throws(OperationError) -> any Channel {
        guard let channel = workbench.channels[id] else {
            throw OperationError(
                "there is no channel “\(id)”",
                fix: "the channels are \(workbench.channels.all.map(\.id.name).joined(separator: ", "))"
            )
        }
        return channel
    }
}

extension ParleySettings {
    /// Where a platform posts to: below the public URL or, without one, below the address that the gateway listens on.
    func webhookURL(_ channel: ChannelID, _ id: ID<Integration>) -> String {
        "\(publicURL ?? "http://\(host):\(port)")/webhooks/\(channel)/\(id)"
    }
}

extension ConnectionProblem {
    var isUnreachable: Bool { if case .unreachable = self { true } else { false } }
}

// MARK: - The credentials file

extension ChannelCredentials {
    /// Reads the JSON object that an operator gives; every problem is named at once, and no value.
    ///
    /// Beside the manifest's fields, `previous_<field>` is taken for a secret that is being rotated.
    init(_ bytes: [UInt8], from name: String, for manifest: ChannelManifest) throws(OperationError) {
        let known = manifest.credentialFields
        let example = "{\(known.filter(\.isRequired).map { "\"\($0.name)\": \"…\"" }.joined(separator: ", "))}"
        guard let json = try? JSON(parsing: bytes), let object = json.object else {
            throw OperationError("\(name) is not a JSON object", fix: "it looks like \(example)")
        }
        let rotating = known.filter(\.isSecret).map { "previous_\($0.name)" }
        var problems: [String] = []
        var fields: [String: Secret<String>] = [:]
        for member in object.members {
            guard known.contains(where: { $0.name == member.key }) || rotating.contains(member.key) else {
                problems.append(
                    "\(member.key.clipped(toUTF8: 60)): unknown; the fields are \(known.map(\.name).joined(separator: ", "))"
                )
                continue
            }
            switch member.value {
            case .string(let value) where !value.trimmed.isEmpty: fields[member.key] = Secret(value.trimmed)
            // Ids are digits, and easily written without quotes.
            case .integer(let value): fields[member.key] = Secret(String(value))
            case .string, .null: break
            default: problems.append("\(member.key): must be text")
            }
        }
        for field in known where field.isRequired && fields[field.name] == nil {
            let what = object[field.name] == nil ? "missing" : "empty"
            if !problems.contains(where: { $0.hasPrefix("\(field.name): ") }) {
                problems.append("\(field.name): \(what). \(field.help)")
            }
        }
        guard problems.isEmpty else {
            throw OperationError(
                "the credentials in \(name) cannot be used:\n" + problems.map { "  \($0)" }.joined(separator: "\n"),
                fix: "\(manifest.displayName) takes \(example)"
            )
        }
        self.init(fields)
    }
}

extension ChannelManifest {
    /// A random webhook secret for a channel that makes its own when it connects, and was not asked to.
    fileprivate func missingSecret(_ given: ChannelCredentials) -> ChannelCredentials {
        let field = credentialFields.first { $0.name == "webhook_secret" && !$0.isRequired && $0.isSecret }
        guard let field, given[field.name] == nil else { return ChannelCredentials([:]) }
        var random = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        return ChannelCredentials([field.name: Secret(Hex.encode(bytes))])
    }
}
