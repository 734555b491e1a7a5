import ParleyCore
import Storage

// parley dead
extension Operations {
    private static let listed = 10_000

    package func listDead(of business: ID<Business>?) async throws -> Report {
        if let business { _ = try await self.business(business) }
        let dead = try await stores.deliveries.dead(of: business, upTo: Self.listed)
        return Report(
            dead.map(\.json),
            ["ID", "DIED", "ATTEMPTS", "REASON", "TEXT"],
            dead.map {
                [
                    $0.id.description, $0.settledAt?.dayAndTime ?? "", "\($0.attempts)",
                    ($0.deadReason ?? "").clipped(toUTF8: 60), $0.text.clipped(toUTF8: 40),
                ]
            },
            whenEmpty: "No delivery is dead."
        )
    }

    package func showDead(_ id: ID<Delivery>) async throws -> Report {
        let delivery = try await delivery(id)
        var json = delivery.json
        json["text"] = JSON(delivery.text)
        json["address"] = delivery.address
        return Report(
            json,
            [
                .fields([
                    ("id", delivery.id.description),
                    ("state", delivery.state.rawValue),
                    ("reason", delivery.deadReason ?? "none"),
                    ("attempts", "\(delivery.attempts)"),
                    ("made", delivery.createdAt.dayAndTime),
                    ("settled", delivery.settledAt?.dayAndTime ?? "not yet"),
                    ("business", delivery.businessID.description),
                    ("channel integration", delivery.integrationID.description),
                    ("conversation", delivery.conversationKey),
                    ("may be a duplicate", delivery.mayBeDuplicate ? "yes" : "no"),
                ]),
                .line("\n\(delivery.text)\n"),
                .line("Its way: parley why \(id)"),
            ] + (delivery.state == .dead ? [.line("Send it again: parley dead retry \(id)")] : [])
        )
    }

    package func retryDead(_ id: ID<Delivery>) async throws -> Report {
        let delivery = try await delivery(id)
        guard try await stores.deliveries.revive(id, at: workbench.clock.now) else {
            throw OperationError(
                "the delivery \(id) is \(delivery.state.rawValue), not dead",
                fix: "see what became of it with: parley why \(id)"
            )
        }
        return Report(["retried": 1], "It is on its way again, as soon as parley serve runs.")
    }

    package func retryEveryDead(of business: ID<Business>?) async throws -> Report {
        if let business { _ = try await self.business(business) }
        // The oldest first, so that a conversation gets its replies in their order.
        let dead = try await stores.deliveries.dead(of: business, upTo: Self.listed).reversed()
        var count = 0
        for delivery in dead where try await stores.deliveries.revive(delivery.id, at: workbench.clock.now) {
            count += 1
        }
        return Report(
            ["retried": JSON(count)],
            count == 0
                ? "No delivery is dead."
                : "\(count) \(count == 1 ? "delivery is" : "deliveries are") on the way again, as soon as parley serve runs."
        )
    }

    private func delivery(_ id: ID<Delivery>) async throws -> DeliveryRecord {
        guard let delivery = try await stores.deliveries.find(id) else {
            throw OperationError("there is no delivery \(id)", fix: "list the dead ones with: parley dead list")
        }
        return delivery
    }
}

extension DeliveryRecord {
    /// Without what is said in it.
    var json: JSON {
        [
            "id": JSON(id.description), "business_id": JSON(businessID.description),
            "channel_integration_id": JSON(integrationID.description), "conversation_key": JSON(conversationKey),
            "turn_id": turnID.map { JSON($0.description) } ?? .null, "state": JSON(state.rawValue),
            "attempts": JSON(attempts), "reason": deadReason.map { JSON($0) } ?? .null,
            "may_be_duplicate": .bool(mayBeDuplicate),
            "platform_message_id": platformMessageID.map { JSON($0) } ?? .null,
            "created_at": JSON(createdAt.description),
            "settled_at": settledAt.map { JSON($0.description) } ?? .null,
        ]
    }
}
