import ChannelKit
import CoordinationRedis
import ParleyCore
import Pipeline
import Storage

// parley business
extension Operations {
    package func createBusiness(named name: String) async throws -> Report {
        let name = name.trimmed
        guard (1...200).contains(name.unicodeScalars.count) else {
            throw OperationError(
                "--name must have 1 to 200 characters",
                fix: "give the business's name as its customers know it"
            )
        }
        let business = try await stores.businesses.create(name: name)
        return Report(
            business.json,
            [
                .line("Created the business “\(business.name)” with a default agent."),
                .fields([("id", business.id.description)]),
                .line("Next: parley channel connect CHANNEL --business \(business.id) --credentials FILE"),
            ]
        )
    }

    package func listBusinesses() async throws -> Report {
        let businesses = try await everyBusiness()
        return Report(
            businesses.map(\.json),
            ["ID", "NAME", "STATE", "SINCE"],
            businesses.map { [$0.id.description, $0.name, $0.isActive ? "active" : "inactive", $0.createdAt.day] },
            whenEmpty: "There is no business yet. Create one with: parley business create --name NAME"
        )
    }

    package func showBusiness(_ id: ID<Business>) async throws -> Report {
        let business = try await business(id)
        let channels = try await stores.integrations.list(of: id)
        let agent = try await stores.agents.defaultAgent(of: id)
        let data = try await stores.dataIntegrations.list(of: id)
        var json = business.json
        json["settings"] = settingsJSON(of: business)
        json["channels"] = .array(channels.map(\.json))
        json["agent"] = agent.map { $0.json } ?? .null
        json["integrations"] = .array(data.map(\.json))
        let active = await activeContacts(of: id)
        json["active_contacts"] = active.json
        return Report(
            json,
            [
                .fields(
                    [
                        ("id", business.id.description),
                        ("name", business.name),
                        ("state", business.isActive ? "active" : "inactive"),
                        ("since", business.createdAt.dayAndTime),
                        ("model", agent?.model ?? "\(workbench.settings.model) (the configured default)"),
                        ("tools", agent.map { $0.tools.joined(separator: ", ") } ?? "no default agent"),
                        ("channels", Self.summary(channels.map { "\($0.channel) \($0.name)" })),
                        ("live data", Self.summary(data.map { "\($0.kind.rawValue) \($0.name)" })),
                    ] + active.fields + settingsFields(of: business)
                )
            ]
        )
    }

    // Who has written within five minutes is in the memory of the node that serves, or in Redis for all to see.
    private func activeContacts(of id: ID<Business>) async -> (json: JSON, fields: [(String, String)]) {
        guard let redis = workbench.settings.redis else { return (.null, []) }
        let channels = workbench.channels.all.map(\.id)
        do {
            let counts = try await RedisPresence.ask(redis, of: id, on: channels, at: workbench.clock.now)
            let present = zip(channels, counts).filter { $0.1 > 0 }
            return (
                .object(JSONObject(zip(channels, counts).map { JSONObject.Member(key: $0.name, value: JSON($1)) })),
                [("active now", present.isEmpty ? "nobody" : present.map { "\($0) \($1)" }.joined(separator: ", "))]
            )
        } catch {
            return (.null, [("active now", "unknown: \(error)")])
        }
    }

    package func setBusiness(_ id: ID<Business>, active: Bool) async throws -> Report {
        _ = try await business(id)
        _ = try await stores.businesses.setActive(active, id)
        let business = try await business(id)
        return Report(
            business.json,
            active
                ? "“\(business.name)” is active: its messages are answered."
                : "“\(business.name)” is inactive: its messages are kept and not answered."
        )
    }

    private static func summary(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.joined(separator: ", ")
    }
}

extension BusinessRecord {
    var json: JSON {
        [
            "id": JSON(id.description), "name": JSON(name), "is_active": .bool(isActive), "plan": JSON(plan),
            "created_at": JSON(createdAt.description),
        ]
    }
}
