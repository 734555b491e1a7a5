import AgentKit
import CoordinationKit
import Integrations
import ParleyCore
import ParleyTesting

/// A business with a small shop behind a transport that a test fills.
struct Shop {
    static let token = "shpat_do_not_tell"
    static let host = "shop.example.com"

    let clock = ManualClock(Timestamp(seconds: 1_760_011_440))  // 12:04 UTC
    let cache = LocalResponseCache()
    let context: ToolContext

    init() {
        context = ToolContext(
            businessID: ID(at: clock.now),
            conversationID: ID(at: clock.now),
            contactID: ID(at: clock.now),
            channel: "telegram",
            now: clock.now
        )
    }

    var source: DataSource {
        ShopifyPreset.source(
            id: ID(at: clock.now),
            businessID: context.businessID,
            baseURL: "https://\(Shop.host)",
            accessToken: Secret(Shop.token)
        )
    }

    func tools(over transport: any HTTPTransport) -> [any Tool] {
        ShopifyPreset.endpoints(at: clock.now).map {
            EndpointTool(source: source, endpoint: $0, transport: transport, cache: cache, clock: clock)
        }
    }

    func tool(_ name: String, over transport: any HTTPTransport) -> (any Tool)? {
        tools(over: transport).first { $0.definition.name == name }
    }

    static let products: JSON = [
        "products": [
            product("iPhone 15 Pro", "999.00", 0), product("iPhone 15", "799.00", 5),
            product("AirPods Pro", "249.50", 12), product("USB-C Cable", "19.90", 40),
        ]
    ]

    static func product(_ title: String, _ price: String, _ stock: Int64) -> JSON {
        [
            "title": JSON(title), "body_html": "<p>The <b>real</b> thing.</p>",
            "variants": [["price": JSON(price), "inventory_quantity": .integer(stock)]],
        ]
    }

    static let orders: JSON = [
        "orders": [
            [
                "name": "#1001", "fulfillment_status": "fulfilled", "financial_status": "paid",
                "fulfillments": [
                    ["tracking_company": "UPS", "tracking_number": "1Z999", "shipment_status": "in_transit"]
                ],
            ]
        ]
    ]

    static func answer(_ json: JSON, status: Int = 200) -> Result<HTTPAnswer, TransportError> {
        .success(HTTPAnswer(status: status, body: json.encoded()))
    }
}

/// A shop that takes the call and says nothing.
struct SilentTransport: HTTPTransport {
    func send(_ call: HTTPCall) async throws -> HTTPAnswer {
        try await Task.sleep(for: .seconds(3600))
        throw TransportError.noAnswer
    }

    func stream<Result: Sendable>(
        _ call: HTTPCall,
        _ body: @Sendable (HTTPStream) async throws -> Result
    ) async throws -> Result {
        throw TransportError.noAnswer
    }
}
