import ParleyCore
import Storage

/// A journey as it is shown: what the inbox itself tells (received, proven, stored) before the recorded steps.
package struct JourneyView: Sendable {
    package let steps: [JourneyStep]

    package init(_ journey: Journey) {
        let stored = journey.events.flatMap { event in
            let kind = event.event["kind"]?.string ?? "event"
            return [
                JourneyStep("receive", "proven", rule: kind, value: event.dedupeKey, at: event.receivedAt),
                JourneyStep("store", "committed", rule: "inbox", value: event.id.description, at: event.receivedAt),
            ]
        }
        let waiting = journey.events.filter { $0.closedAt == nil }.map {
            JourneyStep("wait", "waiting", rule: "inbox", value: "not answered yet", at: $0.receivedAt)
        }
        steps = (stored + waiting + journey.steps).enumerated()
            .sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
            .map(\.element)
    }

    /// An array of `{step, verdict, rule, value, milliseconds, at}`, `at` in milliseconds since 1970.
    package var json: JSON {
        .array(
            steps.map { step in
                [
                    "step": JSON(step.step),
                    "verdict": JSON(step.verdict),
                    "rule": JSON(step.rule),
                    "value": JSON(step.value),
                    "milliseconds": JSON(step.milliseconds),
                    "at": JSON(step.at.milliseconds),
                ]
            }
        )
    }
}
