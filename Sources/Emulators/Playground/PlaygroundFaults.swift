import ParleyCore

/// The positions of the page's fault switch.
enum PlaygroundFaults: String, CaseIterable, Sendable {
    case off
    /// Webhooks twice and out of order.
    case duplicates
    /// 429 to many calls.
    case rateLimits = "rate_limits"
    /// Calls are carried out, but their answers break off.
    case dropped
    case chaos

    var faults: EmulatorFaults {
        var faults = EmulatorFaults()
        switch self {
        case .off: break
        case .duplicates:
            faults.duplicate = 0.5
            faults.reorder = 0.5
            faults.delay = .milliseconds(600)
        case .rateLimits:
            faults.rateLimit = 0.4
        case .dropped:
            faults.dropResponse = 0.4
        case .chaos:
            faults.duplicate = 0.3
            faults.reorder = 0.3
            faults.badSignature = 0.2
            faults.delay = .milliseconds(1200)
            faults.rateLimit = 0.2
            faults.serverError = 0.2
            faults.dropResponse = 0.2
            faults.slow = .milliseconds(400)
        }
        return faults
    }

    /// The position that these faults are; nil when somebody set others over the control API.
    init?(_ faults: EmulatorFaults) {
        guard let preset = PlaygroundFaults.allCases.first(where: { $0.faults == faults }) else { return nil }
        self = preset
    }
}
