import AgentKit
import ParleyCore

/// Four questions to a Shopify shop: is it in stock, what is it, what is there, where is my order.
package enum ShopifyPreset {
    /// Shopify Admin API, "Authenticate with access tokens": the header that lets a custom app in.
    package static let tokenHeader = "X-Shopify-Access-Token"

    /// The shop as a data source.
    package static func source(
        id: ID<DataIntegration>,
        businessID: ID<Business>,
        baseURL: String,
        accessToken: Secret<String>,
        allowsPrivate: Bool = false
    ) -> DataSource {
        DataSource(
            id: id,
            businessID: businessID,
            kind: "shopify",
            baseURL: baseURL,
            authHeaders: [(tokenHeader, accessToken)],
            allowsPrivate: allowsPrivate
        )
    }

    /// The endpoints with new ids.
    ///
    /// - Parameter currency: put before every price; a shop has one currency of its own.
    package static func endpoints(
        at now: Timestamp,
        version: String = "2026-10",
        currency: String = "$"
    ) -> [EndpointDefinition] {
        let api = "/admin/api/\(version)"
        return [
            EndpointDefinition(
                id: ID(at: now),
                toolName: "check_inventory",
                description: "Says whether a product is in stock right now, how many there are and what it costs.",
                parameters: argumentsSchema(
                    ["product": "The product's name as the customer says it, e.g. iPhone 15"],
                    required: ["product"]
                ),
                triggers: [
                    "do you have {product} in stock", "do you have any {product} in stock", "do you have {product}",
                    "have you got {product} in stock", "have you got {product}", "is {product} in stock",
                    "is {product} available", "are {product} in stock", "are {product} available",
                    "{product} in stock", "do you sell {product}", "do you carry {product}",
                    "how many {product} do you have", "how many {product} are left", "availability of {product}",
                    "stock of {product}", "is there any {product} left",
                ],
                pathTemplate: "\(api)/products.json?limit=250",
                responseMapping: [
                    "list": "$.products", "match": ["argument": "product", "field": "title"],
                    "fields": ["title": "title", "price": price(currency), "stock": stock],
                ]
            ),
            EndpointDefinition(
                id: ID(at: now),
                toolName: "get_product",
                description: "Tells a product's price, description and stock.",
                parameters: argumentsSchema(
                    ["product": "The product's name as the customer says it"],
                    required: ["product"]
                ),
                triggers: [
                    "how much is {product}", "how much are {product}", "how much does {product} cost",
                    "how much do {product} cost", "how much for {product}", "what does {product} cost",
                    "what is the price of {product}", "what's the price of {product}", "price of {product}",
                    "price for {product}", "cost of {product}", "tell me about {product}",
                    "tell me more about {product}",
                    "details of {product}",
                ],
                pathTemplate: "\(api)/products.json?limit=250",
                responseMapping: [
                    "list": "$.products", "match": ["argument": "product", "field": "title"],
                    "fields": [
                        "title": "title", "price": price(currency), "stock": stock,
                        "description": ["path": "body_html", "format": "plain"],
                    ],
                ]
            ),
            EndpointDefinition(
                id: ID(at: now),
                toolName: "search_products",
                description: "Searches the shop for products by words, e.g. a kind of product or a brand.",
                parameters: argumentsSchema(["query": "A few words to search for"], required: ["query"]),
                triggers: [
                    "search for {query}", "i am looking for {query}", "i'm looking for {query}", "looking for {query}",
                    "show me {query}", "find {query}", "what {query} do you have", "which {query} do you have",
                    "what kind of {query} do you have", "what kinds of {query} do you have",
                    "what {query} do you sell", "which {query} do you sell",
                ],
                pathTemplate: "\(api)/products/search.json?query={query}",
                responseMapping: [
                    "list": "$.products", "limit": 5,
                    "fields": ["title": "title", "price": price(currency), "stock": stock],
                ]
            ),
            EndpointDefinition(
                id: ID(at: now),
                toolName: "get_order_status",
                description: "Tells where an order is: paid, shipped, its tracking number.",
                parameters: argumentsSchema(
                    ["order_number": "The order's number, e.g. 1001"],
                    required: ["order_number"]
                ),
                triggers: [
                    "where is my order {order_number}", "where's my order {order_number}",
                    "where is order {order_number}",
                    "where's order {order_number}", "order status {order_number}", "status of order {order_number}",
                    "status of my order {order_number}", "order status of {order_number}",
                    "order status for {order_number}",
                    "track order {order_number}", "track my order {order_number}",
                    "has my order {order_number} shipped",
                    "has order {order_number} shipped", "when will my order {order_number} arrive",
                    "when will order {order_number} arrive", "check on my order {order_number}",
                    "check my order {order_number}", "my order {order_number}", "order number {order_number}",
                    "my order number is {order_number}",
                ],
                pathTemplate: "\(api)/orders.json?name=%23{order_number|bare}&status=any",
                responseMapping: [
                    "list": "$.orders", "first": true,
                    "fields": [
                        "order": "name",
                        "fulfillment": [
                            "path": "fulfillment_status", "format": "words",
                            "words": [
                                "fulfilled": "shipped", "partial": "partly shipped", "unfulfilled": "not shipped yet",
                                "restocked": "cancelled", "null": "not shipped yet",
                            ],
                        ],
                        "payment": [
                            "path": "financial_status", "format": "words",
                            "words": ["partially_paid": "partly paid", "partially_refunded": "partly refunded"],
                        ],
                        "shipment": [
                            "path": "fulfillments[0].shipment_status", "format": "words",
                            "words": [
                                "in_transit": "on its way", "out_for_delivery": "out for delivery",
                                "attempted_delivery": "delivery attempted", "label_printed": "being prepared",
                            ],
                        ],
                        "tracking_company": ["paths": ["fulfillments[0].tracking_company", "tracking_company"]],
                        "tracking_number": ["paths": ["fulfillments[0].tracking_number", "tracking_number"]],
                        "tracking_url": ["paths": ["fulfillments[0].tracking_url", "tracking_url"]],
                    ],
                ],
                cacheSeconds: 60
            ),
        ]
    }

    private static func price(_ currency: String) -> JSON {
        ["path": "variants[0].price", "format": "money", "currency": JSON(currency)]
    }

    /// A product's colours and sizes are variants; what the customer asks is whether there are any.
    private static let stock: JSON = ["sum": "inventory_quantity", "over": "variants"]
}
