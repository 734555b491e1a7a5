import ParleyCore
import Storage

/// What every database must keep, whatever the engine: run it over ``Rule/allCases``, each on a fresh migrated database,
/// and expect no complaints.
package enum StorageConformance {
    /// One promise, so that a test run names the one that is broken.
    package enum Rule: String, Sendable, CaseIterable, CustomStringConvertible {
        // The port
        case `every type survives a round trip`
        case `a transaction that throws leaves nothing`
        case `after a failed statement nothing is committed`
        case `broken constraints are told apart`
        case `errors carry no data`
        case `a batch tells how many rows each of its rows wrote`
        case `a batch that fails leaves nothing`
        case `a read sees one state`
        case `a read cannot write`
        case `many tasks lose no update`
        case `a cancelled transaction leaves nothing and blocks nobody`
        case `parameters are counted, and text is left alone`
        case `writes that go together do what they do alone`
        // The stores
        case `a new business can answer`
        case `a business is changed and listed`
        case `credentials are encrypted and come back`
        case `an integration is found without its business and can be switched off`
        case `a platform's wait is kept with its integration`
        case `an agent is changed and has the tools that are enabled`
        case `endpoints are a business's own`
        case `knowledge is imported, replaced and found`
        case `hostile questions are only questions`
        case `a contact has one lead, which grows`
        case `usage adds up`
        case `a period's usage is told beside its limits`
        case `prices are set and kept`
        case `flags are set, replaced and taken away`
        case `exports hand out everything, page by page`
        case `no store shows one business what another has`
        // The hot stores
        case `an event is kept once, however often it comes`
        case `debouncing puts a lane off, but not for long`
        case `an immediate event pulls its lane to now, and a held lane is left alone`
        case `events wait in the platform's order`
        case `a lane is claimed when its time has come`
        case `each lane is claimed by one of many`
        case `businesses take turns, and none takes all`
        case `beginnings count while nobody tells of another cause`
        case `fences grow, also when a lane was gone`
        case `a lease is renewed, given back and freed`
        case `a holder whose lease ran out can do nothing`
        case `what comes late is not left behind`
        case `many writers and claimers strand nothing`
        case `a turn is committed whole`
        case `a turn that fails halfway leaves nothing`
        case `replies go out in the order of their turns`
        case `events are passed over with their reason`
        case `a hint is believed as far as it holds`
        case `a delivery is settled by its outcome`
        case `who goes down begins no further delivery`
        case `an uncertain send is repeated under a flag`
        case `the dead are listed and revived`
        case `a platform's report settles, and never downgrades`
        case `a conversation is opened once`
        case `a new contact in many conversations is one contact`
        case `a human owns a conversation for a while`
        case `a session is remembered in order`
        case `a journey is found by every id that it has`
        case `ids are found literally`
        case `no hot store reaches another business`
        // Retention
        case `a job is done by one at a time`
        case `what is old goes, and what is open stays`
        case `each business keeps what it keeps`
        case `usage is added up before its turns go`
        // Keys
        case `keys are changed, and the old one opens nothing`
        case `keys are changed while bots are connected`
        case `a change of keys that breaks off goes on`
        case `a business whose secrets do not open stays as it is`

        package var description: String { rawValue }
    }

    package static func complaints(_ rule: Rule, _ database: any SQLDatabase) async throws -> [String] {
        var findings = Findings()
        switch rule {
        case .`every type survives a round trip`: try await roundTrip(database, &findings)
        case .`a transaction that throws leaves nothing`: try await rollback(database, &findings)
        case .`after a failed statement nothing is committed`: try await failedStatement(database, &findings)
        case .`broken constraints are told apart`: try await constraints(database, &findings)
        case .`errors carry no data`: try await silentErrors(database, &findings)
        case .`a batch tells how many rows each of its rows wrote`: try await batches(database, &findings)
        case .`a batch that fails leaves nothing`: try await failingBatch(database, &findings)
        case .`a read sees one state`: try await snapshot(database, &findings)
        case .`a read cannot write`: try await readOnly(database, &findings)
        case .`many tasks lose no update`: try await manyTasks(database, &findings)
        case .`a cancelled transaction leaves nothing and blocks nobody`: try await cancellation(database, &findings)
        case .`parameters are counted, and text is left alone`: try await parameters(database, &findings)
        case .`writes that go together do what they do alone`: try await together(database, &findings)
        case .`a new business can answer`: try await newBusiness(database, &findings)
        case .`a business is changed and listed`: try await changedBusiness(database, &findings)
        case .`credentials are encrypted and come back`: try await credentials(database, &findings)
        case .`an integration is found without its business and can be switched off`:
            try await integrations(database, &findings)
        case .`a platform's wait is kept with its integration`: try await holds(database, &findings)
        case .`an agent is changed and has the tools that are enabled`: try await agents(database, &findings)
        case .`endpoints are a business's own`: try await endpoints(database, &findings)
        case .`knowledge is imported, replaced and found`: try await knowledge(database, &findings)
        case .`hostile questions are only questions`: try await hostileQuestions(database, &findings)
        case .`a contact has one lead, which grows`: try await leads(database, &findings)
        case .`usage adds up`: try await usage(database, &findings)
        case .`a period's usage is told beside its limits`: try await billing(database, &findings)
        case .`prices are set and kept`: try await prices(database, &findings)
        case .`flags are set, replaced and taken away`: try await flags(database, &findings)
        case .`exports hand out everything, page by page`: try await exports(database, &findings)
        case .`no store shows one business what another has`: try await isolation(database, &findings)
        case .`an event is kept once, however often it comes`: try await keptOnce(database, &findings)
        case .`debouncing puts a lane off, but not for long`: try await debouncing(database, &findings)
        case .`an immediate event pulls its lane to now, and a held lane is left alone`:
            try await immediacy(database, &findings)
        case .`events wait in the platform's order`: try await platformOrder(database, &findings)
        case .`a lane is claimed when its time has come`: try await dueLanes(database, &findings)
        case .`each lane is claimed by one of many`: try await exclusiveLanes(database, &findings)
        case .`businesses take turns, and none takes all`: try await fairLanes(database, &findings)
        case .`beginnings count while nobody tells of another cause`: try await beginnings(database, &findings)
        case .`fences grow, also when a lane was gone`: try await growingFences(database, &findings)
        case .`a lease is renewed, given back and freed`: try await leases(database, &findings)
        case .`a holder whose lease ran out can do nothing`: try await takeover(database, &findings)
        case .`what comes late is not left behind`: try await lateArrivals(database, &findings)
        case .`many writers and claimers strand nothing`: try await stranding(database, &findings)
        case .`a turn is committed whole`: try await wholeTurn(database, &findings)
        case .`a turn that fails halfway leaves nothing`: try await halfTurn(database, &findings)
        case .`replies go out in the order of their turns`: try await orderedReplies(database, &findings)
        case .`events are passed over with their reason`: try await passedOver(database, &findings)
        case .`a hint is believed as far as it holds`: try await hints(database, &findings)
        case .`a delivery is settled by its outcome`: try await settling(database, &findings)
        case .`who goes down begins no further delivery`: try await goingDown(database, &findings)
        case .`an uncertain send is repeated under a flag`: try await uncertainty(database, &findings)
        case .`the dead are listed and revived`: try await revival(database, &findings)
        case .`a platform's report settles, and never downgrades`: try await reports(database, &findings)
        case .`a conversation is opened once`: try await openedOnce(database, &findings)
        case .`a new contact in many conversations is one contact`: try await sharedContact(database, &findings)
        case .`a human owns a conversation for a while`: try await ownership(database, &findings)
        case .`a session is remembered in order`: try await remembering(database, &findings)
        case .`a journey is found by every id that it has`: try await journeys(database, &findings)
        case .`ids are found literally`: try await literalIDs(database, &findings)
        case .`no hot store reaches another business`: try await hotIsolation(database, &findings)
        case .`a job is done by one at a time`: try await jobs(database, &findings)
        case .`what is old goes, and what is open stays`: try await retention(database, &findings)
        case .`each business keeps what it keeps`: try await ownRetention(database, &findings)
        case .`usage is added up before its turns go`: try await addedUp(database, &findings)
        case .`keys are changed, and the old one opens nothing`: try await keyRotation(database, &findings)
        case .`keys are changed while bots are connected`: try await keysUnderUse(database, &findings)
        case .`a change of keys that breaks off goes on`: try await keysInterrupted(database, &findings)
        case .`a business whose secrets do not open stays as it is`: try await keysMissing(database, &findings)
        }
        return findings.complaints
    }

    /// What was found wrong.
    struct Findings {
        private(set) var complaints: [String] = []

        mutating func expect(_ isTrue: Bool, _ complaint: String) {
            if !isTrue { complaints.append(complaint) }
        }

        mutating func expect<Value: Equatable>(_ found: Value, is wanted: Value, _ what: String) {
            if found != wanted { complaints.append("\(what): \(found) instead of \(wanted)") }
        }

        /// The error that `body` throws, which it must.
        mutating func error(_ what: String, _ body: () async throws -> Void) async -> SQLError? {
            do {
                try await body()
                complaints.append("\(what) was not refused")
            } catch let error as SQLError {
                return error
            } catch {
                complaints.append("\(what) threw \(error)")
            }
            return nil
        }
    }
}

// MARK: - Rows to try things with

extension StorageConformance {
    static let time = Timestamp(microseconds: 1_763_712_345_678_901)

    static func insertBusiness(_ id: ID<Business>, _ name: String, on connection: any SQLConnection) async throws {
        try await connection.execute(insertion, businessRow(id, name))
    }

    static let insertion =
        "INSERT INTO businesses (id, name, settings, is_active, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)"

    static func businessRow(_ id: ID<Business>, _ name: String) -> [SQLValue] {
        [.id(id), .text(name), .json(["a": 1]), .bool(true), .timestamp(time)]
    }

    static func businesses(_ database: any SQLDatabase) async throws -> Int64 {
        try await database.read(.house) { try await businesses(on: $0) }
    }

    static func businesses(on connection: any SQLConnection) async throws -> Int64 {
        try await connection.first("SELECT count(*) AS n FROM businesses", [])?.int("n") ?? -1
    }
}
