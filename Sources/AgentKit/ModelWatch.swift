import ParleyCore
import Synchronization

/// All time limits of one model call: the turn's deadline, and of a stream its first byte, its next byte and its end.
///
/// They share one alarm, because a turn that waits for a slow model should hold little else than its place.
package final class ModelWatch: Sendable {
    private struct Stream {
        let start: Timestamp
        var lastByte: Timestamp?
    }

    private enum Outcome: Sendable {
        case ended(Result<ModelResponse, ModelError>)
        case outOfTime
    }

    private let clock: any Clockwork
    private let deadline: Timestamp
    /// nil before the model has called anybody.
    private let stream = Mutex<Stream?>(nil)

    private init(deadline: Timestamp, clock: any Clockwork) {
        self.deadline = deadline
        self.clock = clock
    }

    /// The model's answer, or nil when `deadline` came first; the call is then cancelled and waited for. Fails with
    /// ``ModelError/timedOut(phase:)`` (`first_byte`, `idle`, `total`), or as the model does.
    package static func ask(
        _ model: any LanguageModel,
        _ request: ModelRequest,
        until deadline: Timestamp,
        on clock: any Clockwork
    ) async -> Result<ModelResponse, ModelError>? {
        guard clock.now < deadline else { return nil }
        let watch = ModelWatch(deadline: deadline, clock: clock)
        return await withTaskGroup(of: Outcome.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                do throws(ModelError) {
                    return .ended(.success(try await model.respond(to: request, watchedBy: watch)))
                } catch {
                    return .ended(.failure(error))
                }
            }
            group.addTask { await watch.alarm() }
            guard case .ended(let result)? = await group.next() else { return nil }
            return result
        }
    }

    /// The model calls its provider: the limits of a stream begin, or begin anew.
    package func callBegins() {
        let now = clock.now
        stream.withLock { $0 = Stream(start: now) }
    }

    package func sawBytes() {
        let now = clock.now
        stream.withLock { $0?.lastByte = now }
    }

    /// Returns when a limit has passed, or the watch is called off.
    private func alarm() async -> Outcome {
        while true {
            let now = clock.now
            let (due, phase) = next(at: now)
            guard now < due else {
                guard let phase else { return .outOfTime }
                return .ended(.failure(.timedOut(phase: phase)))
            }
            do { try await clock.sleep(for: due.since(now)) } catch { return .ended(.failure(.cancelled)) }
        }
    }

    /// When to look again at the latest, and what has passed then; nil stands for the turn's deadline.
    private func next(at now: Timestamp) -> (due: Timestamp, phase: String?) {
        // A call that begins only now is not due before that.
        guard let stream = stream.withLock({ $0 }) else {
            return (min(deadline, now.advanced(by: Limits.modelFirstByte)), nil)
        }
        let bytes = stream.lastByte?.advanced(by: Limits.modelIdle) ?? stream.start.advanced(by: Limits.modelFirstByte)
        let total = stream.start.advanced(by: Limits.modelTimeout)
        if deadline <= min(bytes, total) { return (deadline, nil) }
        return total <= bytes ? (total, "total") : (bytes, stream.lastByte == nil ? "first_byte" : "idle")
    }
}
