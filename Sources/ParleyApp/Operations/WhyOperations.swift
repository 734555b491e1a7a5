import ParleyCore
import Storage

// parley why
extension Operations {
    /// The way of a message, a turn or a delivery, each step with the rule that decided it.
    package func why(_ id: String) async throws -> Report {
        guard let journey = try await stores.journeys.find(id.trimmed) else {
            throw OperationError(
                "nothing is known of “\(id.clipped(toUTF8: 80))” in the database of PARLEY_DATABASE_URL",
                fix: """
                    give the id of a message, turn or delivery, or the platform's own message id. If it is right: a webhook \
                    that was refused (a wrong signature, a disabled channel) leaves no journey but a log line and the \
                    metric parley_webhooks_total; and what is older than the retention is gone
                    """
            )
        }
        // Our own ids mean one thing each.
        let choices = UUID7(id.trimmed) == nil ? try await stores.journeys.choices(of: id.trimmed) : []
        let now = workbench.clock.now
        var channels: [ID<Integration>: String] = [:]
        for event in journey.events where channels[event.integrationID] == nil {
            let record = try await stores.integrations.integration(event.integrationID, of: event.businessID)
            channels[event.integrationID] = record?.channel.name
        }
        return Report(
            journey.json(id, at: now, choices),
            [
                .line(journey.headline(now)),
                .table(
                    ["TIME (UTC)", "STEP", "VERDICT", "RULE", "VALUE", "MS"],
                    journey.rows(channels, at: now).map {
                        [
                            $0.at.timeOfDay, $0.step, $0.verdict, $0.rule, $0.value,
                            $0.milliseconds > 0 ? "\($0.milliseconds)" : "",
                        ]
                    }
                ),
            ] + Self.told(choices, of: id.trimmed)
        )
    }

    /// Nothing, where the id means one thing.
    private static func told(_ choices: [JourneyChoice], of id: String) -> [Report.Block] {
        guard choices.count > 1 else { return [] }
        let count = choices.count < JourneyStore.choicesAtMost ? "\(choices.count)" : "\(choices.count) or more"
        return [
            .line(""),
            .check(
                .note,
                "“\(id.clipped(toUTF8: 80))” means \(count) messages: their platform counts anew in every chat. Told is one of them",
                fix: "for another: parley why ID, with an id of these"
            ),
            .table(
                ["ID", "BUSINESS", "RECEIVED"],
                choices.map { [$0.id, $0.businessID.description, $0.at.dayAndTime] }
            ),
        ]
    }
}

extension Journey {
    /// What became of it, in one sentence.
    fileprivate func headline(_ now: Timestamp) -> String {
        let day = (events.map(\.receivedAt) + steps.map(\.at)).min()?.day ?? now.day
        let waiting = events.filter { $0.closedAt == nil }
        let outcome: String
        if let dead = deliveries.first(where: { $0.state == .dead }) {
            outcome =
                "the reply is dead: \(dead.deadReason ?? "no reason kept"). Once that is put right: parley dead retry \(dead.id)"
        } else if let first = waiting.map(\.receivedAt).min() {
            outcome = "not answered yet; waiting for \(now.since(first).spoken). Is parley serve running?"
        } else if deliveries.isEmpty {
            outcome = turnID == nil ? "not answered: see the gate that is closed" : "a turn without a reply"
        } else if let open = deliveries.first(where: { $0.settledAt == nil }) {
            outcome = "the reply is \(open.state.rawValue), since \(now.since(open.createdAt).spoken)"
        } else {
            let first = events.map(\.receivedAt).min()
            let last = deliveries.compactMap(\.settledAt).max()
            let took = first.flatMap { first in last.map { " in \($0.since(first).spoken)" } } ?? ""
            outcome = "answered\(took)"
        }
        let turn = turnID.map { " (turn \($0))" } ?? ""
        return "\(day): \(outcome)\(turn)\n"
    }

    /// The stored steps, between what the inbox and the outbox say themselves.
    fileprivate func rows(_ channels: [ID<Integration>: String], at now: Timestamp) -> [JourneyStep] {
        var rows: [JourneyStep] = []
        for event in events {
            let kind = event.event["kind"]?.string ?? "event"
            let text = event.event["text"]?.string ?? ""
            rows.append(
                JourneyStep(
                    "received",
                    kind,
                    rule: channels[event.integrationID] ?? "channel",
                    value: text.isEmpty ? event.dedupeKey : "“\(text.clipped(toUTF8: 60))”",
                    at: event.receivedAt
                )
            )
            rows.append(JourneyStep("stored", "kept", rule: "dedupe_key", value: event.dedupeKey, at: event.receivedAt))
        }
        rows += steps
        for event in events where event.closedAt == nil {
            rows.append(
                JourneyStep(
                    "waiting",
                    begun > 0 ? "begun" : "unclaimed",
                    rule: "conversation",
                    value: "since \(event.receivedAt.timeOfDay), attempt \(begun)",
                    milliseconds: Int(clamping: now.since(event.receivedAt).milliseconds),
                    at: now
                )
            )
        }
        for delivery in deliveries where delivery.settledAt == nil {
            rows.append(
                JourneyStep(
                    "waiting",
                    delivery.state.rawValue,
                    rule: "delivery",
                    value: "not before \(delivery.notBefore.timeOfDay), attempt \(delivery.attempts)",
                    milliseconds: Int(clamping: now.since(delivery.createdAt).milliseconds),
                    at: now
                )
            )
        }
        return rows
    }

    fileprivate func json(_ id: String, at now: Timestamp, _ choices: [JourneyChoice]) -> JSON {
        [
            "id": JSON(id),
            "choices": .array(
                choices.map {
                    [
                        "id": JSON($0.id), "business_id": JSON($0.businessID.description),
                        "at": JSON($0.at.description),
                    ]
                }
            ),
            "turn_id": turnID.map { JSON($0.description) } ?? .null,
            "events": .array(
                events.map { event in
                    [
                        "id": JSON(event.id.description), "business_id": JSON(event.businessID.description),
                        "channel_integration_id": JSON(event.integrationID.description),
                        "conversation_key": JSON(event.conversationKey), "dedupe_key": JSON(event.dedupeKey),
                        "kind": event.event["kind"] ?? .null, "attempts": JSON(event.closedAt == nil ? begun : 0),
                        "received_at": JSON(event.receivedAt.description),
                        "closed_at": event.closedAt.map { JSON($0.description) } ?? .null,
                    ]
                }
            ),
            "steps": .array(
                steps.map { step in
                    [
                        "at": JSON(step.at.description), "step": JSON(step.step), "verdict": JSON(step.verdict),
                        "rule": JSON(step.rule), "value": JSON(step.value), "milliseconds": JSON(step.milliseconds),
                    ]
                }
            ),
            "deliveries": .array(deliveries.map(\.json)),
        ]
    }
}
