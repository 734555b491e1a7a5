import CoordinationKit
import ParleyCore
import Synchronization

/// One budget for all nodes: a Lua script on the server's clock grants turns, and a busy node takes an integration's a
/// few at a time.
///
/// While Redis is away each node keeps to its share, `rate / live nodes × 0.8`, and to the waits that it has seen itself.
package final class RedisSendGovernor: SendGovernor {
    /// Rights of an integration that this node holds and has not used.
    private struct Block {
        var left = 0
        var until = Timestamp(microseconds: 0)
        /// How many to ask for next: grows while they are all used, and falls back when some go to waste.
        var size = 1
        var isAsking = false
    }

    private let client: RedisClient
    private let keys: RedisKeys
    private let nodes: RedisNodes
    private let clock: any Clockwork
    private let here: LocalSendGovernor
    private let blocks = Mutex<[ID<Integration>: Block]>([:])

    package init(
        _ client: RedisClient,
        keys: RedisKeys = RedisKeys(),
        nodes: RedisNodes,
        clock: any Clockwork = SystemClock()
    ) {
        self.client = client
        self.keys = keys
        self.nodes = nodes
        self.clock = clock
        here = LocalSendGovernor(clock: clock)
    }

    package func admit(
        _ scope: SendScope,
        _ rates: SendRates,
        as priority: SendPriority,
        at now: Timestamp
    ) async throws -> Timestamp? {
        if let until = here.heldUntil(scope, at: now) { return until }
        var rates = rates
        var now = now
        // At most three rounds: a turn in the conversation, one in the integration, and a last look for holds.
        for _ in 0..<3 {
            let fromBlock = priority == .reply && takeFromBlock(scope.integrationID, at: now)
            // A hold of another node is seen when the block is used up, within ``SendRate/lease``.
            if fromBlock, rates.conversation == nil { return nil }
            let asked = fromBlock || rates.integration == nil ? 0 : toAskFor(scope.integrationID, rates, priority)
            let answer: Answer
            do throws(RedisError) {
                answer = try await ask(scope, rates, priority, integrationTurns: asked)
            } catch {
                asking(scope.integrationID, isOver: asked > 1)
                return try await here.admit(
                    scope,
                    rates,
                    as: priority,
                    share: 0.8 / Double(nodes.count),
                    at: now
                )
            }
            asking(scope.integrationID, isOver: asked > 1)
            switch answer {
            case .refused(let wait):
                if fromBlock { giveBack(scope.integrationID) }
                return clock.now.advanced(by: wait)
            case .granted(let turns, let wait):
                if turns > 1 { keep(turns - 1, of: scope.integrationID) }
                guard wait > .zero else { return nil }
                try await clock.sleep(for: wait)
                // So short a wait is no longer than a block's.
                if wait <= SendRate.lease { return here.heldUntil(scope, at: clock.now) }
                rates = .unlimited
            case .conversationTurn(let wait):
                if fromBlock { giveBack(scope.integrationID) }
                try await clock.sleep(for: wait)
                rates.conversation = nil
            }
            now = clock.now
            if let until = here.heldUntil(scope, at: now) { return until }
        }
        return nil
    }

    package func hold(_ scope: SendScope, wholeIntegration: Bool, until time: Timestamp) async {
        await here.hold(scope, wholeIntegration: wholeIntegration, until: time)
        let wait = time.since(clock.now).milliseconds
        guard wait > 0 else { return }
        let key = wholeIntegration ? integrationHold(scope) : conversationHold(scope)
        _ = try? await Self.holdScript.run(client, keys: [key], wait)
    }

    // MARK: The script

    private enum Answer {
        case granted(turns: Int, wait: Duration)
        /// The conversation's turn alone; the integration is asked when it has come.
        case conversationTurn(wait: Duration)
        case refused(wait: Duration)
    }

    private func ask(
        _ scope: SendScope,
        _ rates: SendRates,
        _ priority: SendPriority,
        integrationTurns: Int
    ) async throws(RedisError) -> Answer {
        let reply = try await Self.takeScript.run(
            client,
            keys: [
                conversationHold(scope), integrationHold(scope),
                keys.key(scope.businessID, "rate", "conversation:\(scope.conversationID)"),
                keys.key(scope.businessID, "rate", "integration:\(scope.integrationID)"),
            ],
            rates.conversation?.interval.microseconds ?? 0,
            rates.conversation.map { $0.capacity - priority.reserve(of: $0) } ?? 1,
            rates.integration?.interval.microseconds ?? 0,
            rates.integration.map { $0.capacity - priority.reserve(of: $0) } ?? 1,
            integrationTurns,
            priority.patience.microseconds
        )
        guard let parts = reply.array, parts.count == 3, let kind = parts[0].text, let turns = parts[1].integer,
            let wait = parts[2].integer, wait >= 0
        else { throw .unreadable }
        switch kind {
        case "granted": return .granted(turns: Int(clamping: turns), wait: .microseconds(wait))
        case "conversation": return .conversationTurn(wait: .microseconds(wait))
        default: return .refused(wait: .microseconds(wait))
        }
    }

    private func conversationHold(_ scope: SendScope) -> String {
        keys.key(scope.businessID, "hold", "conversation:\(scope.conversationID)")
    }

    private func integrationHold(_ scope: SendScope) -> String {
        keys.key(scope.businessID, "hold", "integration:\(scope.integrationID)")
    }

    // The same arithmetic as SendMeter, on the server's clock in microseconds. A bucket lives until it is full again.
    private static let takeScript = RedisScript(
        """
        local held = math.max(redis.call('PTTL', KEYS[1]), redis.call('PTTL', KEYS[2]))
        if held > 0 then return {'held', 0, held * 1000} end
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local wanted, patience = tonumber(ARGV[5]), tonumber(ARGV[6])
        local function look(key, interval, room)
          local used = math.max(tonumber(redis.call('GET', key) or 0), now)
          return used, math.max(0, used - (room - 1) * interval - now)
        end
        local function take(key, used, interval, turns)
          used = used + turns * interval
          redis.call('SET', key, string.format('%.0f', used), 'PX', math.ceil((used - now) / 1000) + 1)
        end
        local chat, main = tonumber(ARGV[1]), tonumber(ARGV[3])
        local chatUsed, chatWait, mainUsed, mainWait = 0, 0, 0, 0
        if chat > 0 then chatUsed, chatWait = look(KEYS[3], chat, tonumber(ARGV[2])) end
        if chatWait > patience then return {'conversation rate', 0, chatWait} end
        if chatWait > 0 then
          take(KEYS[3], chatUsed, chat, 1)
          return {'conversation', 0, chatWait}
        end
        local turns = 0
        if wanted > 0 then
          local room = tonumber(ARGV[4])
          mainUsed, mainWait = look(KEYS[4], main, room)
          if mainWait > patience then return {'integration rate', 0, mainWait} end
          turns = math.max(1, math.min(wanted, math.floor((now - mainUsed) / main) + room))
          take(KEYS[4], mainUsed, main, turns)
        end
        if chat > 0 then take(KEYS[3], chatUsed, chat, 1) end
        return {'granted', turns, mainWait}
        """
    )

    // A longer wait is never shortened.
    private static let holdScript = RedisScript(
        """
        if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
        return 1
        """
    )

    // MARK: Blocks

    private func takeFromBlock(_ id: ID<Integration>, at now: Timestamp) -> Bool {
        blocks.withLock { blocks in
            guard var block = blocks[id], block.left > 0 else { return false }
            defer { blocks[id] = block }
            guard now < block.until else {
                block.left = 0
                block.size = 1
                return false
            }
            block.left -= 1
            return true
        }
    }

    private func giveBack(_ id: ID<Integration>) {
        blocks.withLock { $0[id]?.left += 1 }
    }

    // One caller asks for a block, the others for themselves.
    private func toAskFor(_ id: ID<Integration>, _ rates: SendRates, _ priority: SendPriority) -> Int {
        guard priority == .reply, let rate = rates.integration else { return 1 }
        let largest = max(1, Int(clamping: SendRate.lease.microseconds / max(1, rate.interval.microseconds)))
        return blocks.withLock { blocks in
            if blocks.count > 10_000 { blocks = [:] }
            var block = blocks[id] ?? Block()
            defer { blocks[id] = block }
            guard !block.isAsking, block.size > 1 || largest > 1 else { return 1 }
            let size = min(block.size, largest)
            block.size = min(largest, size * 2)
            block.isAsking = size > 1
            return size
        }
    }

    private func asking(_ id: ID<Integration>, isOver: Bool) {
        guard isOver else { return }
        blocks.withLock { $0[id]?.isAsking = false }
    }

    private func keep(_ turns: Int, of id: ID<Integration>) {
        let until = clock.now.advanced(by: SendRate.lease)
        blocks.withLock { blocks in
            blocks[id]?.left += turns
            blocks[id]?.until = until
        }
    }
}
