import AgentKit
import ParleyCore

/// Where a business's live data is, and how to be let in.
package struct DataSource: Sendable {
    package let id: ID<DataIntegration>
    package let businessID: ID<Business>
    /// `shopify`, `woocommerce` or `rest`.
    package let kind: String
    /// Scheme, host, port and perhaps a path; no query.
    package let baseURL: String
    package let authHeaders: [(name: String, value: Secret<String>)]
    /// For one call, unless its endpoint says otherwise.
    package let timeout: Duration
    /// Whether ``baseURL`` may be on this machine or in a private network: an operator's decision, never a business's.
    package let allowsPrivate: Bool

    package init(
        id: ID<DataIntegration>,
        businessID: ID<Business>,
        kind: String,
        baseURL: String,
        authHeaders: [(name: String, value: Secret<String>)],
        timeout: Duration = Limits.toolTimeout,
        allowsPrivate: Bool = false
    ) {
        self.id = id
        self.businessID = businessID
        self.kind = kind
        self.baseURL = baseURL
        self.authHeaders = authHeaders
        self.timeout = timeout
        self.allowsPrivate = allowsPrivate
    }

    /// What the model and the customer call it.
    var spokenName: String { kind == "rest" ? "service" : "shop" }
}

/// One question that can be put to a data source, as a tool of the model.
package struct EndpointDefinition: Sendable {
    package let id: ID<Endpoint>
    package let toolName: String
    package let description: String
    /// JSON Schema of the arguments, an object.
    package let parameters: JSON
    package let triggers: [String]
    package let method: HTTPCall.Method
    /// `/admin/api/2026-10/products.json?title={product}`; see ``PathTemplate``.
    package let pathTemplate: String
    /// What of the answer the model is told; see ``ResponseMapping``.
    package let responseMapping: JSON
    /// How long an answer may be told again; 0 for never.
    package let cacheSeconds: Int
    /// nil: the data source's.
    package let timeoutMilliseconds: Int?

    package init(
        id: ID<Endpoint>,
        toolName: String,
        description: String,
        parameters: JSON,
        triggers: [String] = [],
        method: HTTPCall.Method = .get,
        pathTemplate: String,
        responseMapping: JSON,
        cacheSeconds: Int = 300,
        timeoutMilliseconds: Int? = nil
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

    package var definition: ToolDefinition {
        ToolDefinition(name: toolName, description: description, parameters: parameters, triggers: triggers)
    }
}
