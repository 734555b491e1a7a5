import Emulators
import ParleyApp
import ParleyCore
import Synchronization
import Testing

/// The way out, over real sockets.
@Suite(.timeLimit(.minutes(2)))
struct OutgoingHTTPTests {
    @Test(arguments: [0, 1])
    func `a call that may not leave any more reaches nobody`(timesAllowed: Int) async throws {
        try await DemoHouse.run { house in
            let way = OutgoingHTTP()
            let asked = Atomic(0)
            var call = HTTPCall.json(.post, house.addresses.emulator + "/emulator/bots", ["channel": "slack"])
            let bots = house.world.bots.count
            call.mayLeave = { asked.add(1, ordering: .relaxed).newValue <= timesAllowed }
            await #expect(throws: TransportError.notConnected) { _ = try await way.send(call) }
            #expect(asked.load(ordering: .relaxed) == timesAllowed + 1)
            #expect(house.world.bots.count == bots)

            call.mayLeave = { true }
            let answer = try await way.send(call)
            #expect(answer.status == 201)
            #expect(house.world.bots.count == bots + 1)
            try await way.shutdown()
        }
    }
}
