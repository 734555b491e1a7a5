import ParleyCore
import Synchronization

extension EmulatorFaults {
    package var json: JSON {
        [
            "duplicate": .number(duplicate), "reorder": .number(reorder), "bad_signature": .number(badSignature),
            "delay_ms": JSON(delay.milliseconds), "rate_limit": .number(rateLimit),
            "server_error": .number(serverError), "drop_response": .number(dropResponse),
            "slow_ms": JSON(slow.milliseconds), "rate_limits": .bool(rateLimits), "rate_factor": .number(rateFactor),
        ]
    }

    /// Changes the members that are given. Throws ``EmulatorError/invalid(_:)`` for an unknown name or a wrong value.
    package mutating func merge(_ json: JSON) throws(EmulatorError) {
        guard let object = json.object else { throw .invalid("faults are a JSON object") }
        for member in object.members {
            switch member.key {
            case "duplicate": duplicate = try EmulatorFaults.probability(member)
            case "reorder": reorder = try EmulatorFaults.probability(member)
            case "bad_signature": badSignature = try EmulatorFaults.probability(member)
            case "rate_limit": rateLimit = try EmulatorFaults.probability(member)
            case "server_error": serverError = try EmulatorFaults.probability(member)
            case "drop_response": dropResponse = try EmulatorFaults.probability(member)
            case "delay_ms": delay = try EmulatorFaults.milliseconds(member)
            case "slow_ms": slow = try EmulatorFaults.milliseconds(member)
            case "rate_limits":
                guard let value = member.value.bool else { throw .invalid("rate_limits is true or false") }
                rateLimits = value
            case "rate_factor":
                guard let value = member.value.double, value > 0, value <= 1_000_000 else {
                    throw .invalid("rate_factor is a number above 0")
                }
                rateFactor = value
            case "channels": continue
            default: throw .invalid("no fault is called \(member.key)")
            }
        }
    }

    private static func probability(_ member: JSONObject.Member) throws(EmulatorError) -> Double {
        guard let value = member.value.double, (0...1).contains(value) else {
            throw .invalid("\(member.key) is between 0 and 1")
        }
        return value
    }

    private static func milliseconds(_ member: JSONObject.Member) throws(EmulatorError) -> Duration {
        guard let value = member.value.int, (0...3_600_000).contains(value) else {
            throw .invalid("\(member.key) is between 0 and 3600000")
        }
        return .milliseconds(value)
    }
}

extension EmulatedWorld {
    /// All faults: those of every channel, and below `channels` those of single ones.
    package var faultsJSON: JSON {
        state.withLock { state in
            var json = state.allFaults.json
            json["channels"] = .object(
                JSONObject(
                    state.channelFaults.sorted { $0.key.name < $1.key.name }
                        .map { .init(key: $0.key.name, value: $0.value.json) }
                )
            )
            return json
        }
    }

    /// Changes the members that are given, for all channels and below `channels` for single ones. A channel begins
    /// with the faults of all. Throws ``EmulatorError/invalid(_:)`` and then changes nothing.
    package func mergeFaults(_ json: JSON) throws {
        try state.withLock { state in
            var all = state.allFaults
            try all.merge(json)
            var channels = state.channelFaults
            for member in json["channels"]?.object?.members ?? [] {
                guard EmulatedPlatform(rawValue: member.key) != nil else {
                    throw EmulatorError.unknownChannel(member.key)
                }
                let channel = ChannelID(member.key)
                guard !member.value.isNull else {
                    channels[channel] = nil
                    continue
                }
                var faults = channels[channel] ?? all
                try faults.merge(member.value)
                channels[channel] = faults
            }
            state.allFaults = all
            state.channelFaults = channels
        }
    }
}
