import FoundationEssentials
import ParleyCore

/// How to reach a business's live data, without its credentials.
package struct DataIntegrationRecord: Sendable, Equatable {
    package let businessID: ID<Business>
    package let id: ID<DataIntegration>
    package let kind: Kind
    package let name: String
    package let baseURL: String
    package let authType: AuthType
    package let rateLimitPerMinute: Int?
    package let isActive: Bool
    package let lastTestedAt: Timestamp?
    package let lastTestResult: String?

    package enum Kind: String, Sendable {
        case shopify
        case wooCommerce = "woocommerce"
        case rest
        case sql
    }

    /// Which members the credentials have.
    package enum AuthType: String, Sendable {
        /// None.
        case none
        /// `name`, `value`
        case header
        /// `token`
        case bearer
        /// `username`, `password`
        case basic
    }

    static let columns = """
        business_id, id, kind, name, base_url, auth_type, rate_limit_per_minute, is_active, last_tested_at, \
        last_test_result
        """

    init(_ row: SQLRow) throws {
        businessID = try row.id("business_id")
        id = try row.id("id")
        guard let kind = Kind(rawValue: try row.text("kind")) else { throw SQLError.unreadable(column: "kind") }
        self.kind = kind
        name = try row.text("name")
        baseURL = try row.text("base_url")
        guard let authType = AuthType(rawValue: try row.text("auth_type")) else {
            throw SQLError.unreadable(column: "auth_type")
        }
        self.authType = authType
        rateLimitPerMinute = row.optionalInt("rate_limit_per_minute").map { Int(clamping: $0) }
        isActive = try row.bool("is_active")
        lastTestedAt = row.optionalTimestamp("last_tested_at")
        lastTestResult = row.optionalText("last_test_result")
    }
}

/// A data integration with what lets us in.
package struct LoadedDataIntegration: Sendable {
    package let record: DataIntegrationRecord
    /// The JSON object that was given when it was created; nil when nothing is needed.
    package let credentials: Secret<JSON>?
    package let endpoints: [EndpointRecord]

    /// The headers that prove who asks; none when a member is missing.
    package var authHeaders: [(name: String, value: Secret<String>)] {
        guard let credentials else { return [] }
        return credentials.reveal { members in
            switch record.authType {
            case .none:
                return []
            case .header:
                guard let name = members["name"]?.string, let value = members["value"]?.string else { return [] }
                return [(name, Secret(value))]
            case .bearer:
                guard let token = members["token"]?.string else { return [] }
                return [("authorization", Secret("Bearer \(token)"))]
            case .basic:
                guard let name = members["username"]?.string, let password = members["password"]?.string else {
                    return []
                }
                let pair = Data("\(name):\(password)".utf8).base64EncodedString()
                return [("authorization", Secret("Basic \(pair)"))]
            }
        }
    }
}

/// One question that can be put to a data integration, as a tool of the model.
package struct EndpointRecord: Sendable, Equatable {
    package var id: ID<Endpoint>
    package var toolName: String
    package var description: String
    /// JSON Schema of the arguments, an object.
    package var parameters: JSON
    package var triggers: [String]
    /// GET or POST
    package var method: String
    package var pathTemplate: String
    package var responseMapping: JSON
    /// 0…86,400
    package var cacheSeconds: Int
    /// 1…5000
    package var timeoutMilliseconds: Int

    package init(
        id: ID<Endpoint>,
        toolName: String,
        description: String,
        parameters: JSON,
        triggers: [String] = [],
        method: String = "GET",
        pathTemplate: String,
        responseMapping: JSON = [:],
        cacheSeconds: Int = 300,
        timeoutMilliseconds: Int = 5000
    ) {
        self.id = id
        self.toolName = toolName
        self.description = description
        self.parameters = parameters
        self.triggers = triggers
        self.method = method
        self.pathTemplate = pathTemplate
        self.responseMapping = responseMapping
        self.cacheSeconds = cacheSeconds
        self.timeoutMilliseconds = timeoutMilliseconds
    }

    static let columns = """
        id, tool_name, description, parameters, triggers, method, path_template, response_mapping, cache_seconds, \
        timeout_milliseconds
        """

    init(_ row: SQLRow) throws {
        id = try row.id("id")
        toolName = try row.text("tool_name")
        description = try row.text("description")
        parameters = try row.json("parameters")
        triggers = (try row.json("triggers").array ?? []).compactMap(\.string)
        method = try row.text("method")
        pathTemplate = try row.text("path_template")
        responseMapping = try row.json("response_mapping")
        cacheSeconds = Int(clamping: try row.int("cache_seconds"))
        timeoutMilliseconds = Int(clamping: try row.int("timeout_milliseconds"))
    }
}
