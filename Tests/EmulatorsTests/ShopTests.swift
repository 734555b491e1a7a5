import Emulators
import ParleyCore
import Testing

@Suite struct ShopTests {
    private let api = "/shop/admin/api/2026-10"

    @Test func `one call answers whether the iPhone 15 is in stock, and what it costs`() async throws {
        let answer = try await get("products.json?title=iPhone%2015&limit=5")
        #expect(answer.status == 200)
        #expect(answer.json?["products"]?.array?.count == 1)
        let variant = answer.json?["products"]?[0]?["variants"]?[0]
        #expect(variant?["inventory_quantity"] == 5)
        #expect(variant?["price"] == "799.00")
        #expect(answer.headers["x-shopify-shop-api-call-limit"] == "1/40")
    }

    @Test(arguments: [
        ("products.json?title=iphone%2015%20pro", ["iPhone 15 Pro"]),
        ("products.json?title=chargers", ["USB-C charger 30W"]),
        ("products.json?title=Nokia", []),
        ("products/search.json?query=apple%20audio", ["AirPods Pro"]),
        ("products/search.json?query=pixel", ["Pixel 9"]),
        ("products/search.json?query=", []),
        ("products.json?limit=2", ["iPhone 15", "iPhone 15 Pro"]),
    ])
    func `products are found`(path: String, titles: [String]) async throws {
        let answer = try await get(path)
        #expect(answer.status == 200)
        #expect(answer.json?["products"]?.array?.compactMap { $0["title"]?.string } == titles)
    }

    @Test(arguments: [
        ("orders.json?name=%231001&status=any", "in_transit"), ("orders.json?name=1003&status=any", "delivered"),
    ])
    func `an order tells how its parcel travels`(path: String, shipment: String) async throws {
        let order = try await get(path).json?["orders"]?[0]
        #expect(order?["fulfillment_status"] == "fulfilled")
        #expect(order?["fulfillments"]?[0]?["shipment_status"]?.string == shipment)
        #expect(order?["fulfillments"]?[0]?["tracking_number"]?.string?.hasPrefix("1Z") == true)
    }

    @Test func `an order without a parcel has none, and a closed one is not among the open`() async throws {
        let order = try await get("orders.json?name=%231002&status=any").json?["orders"]?[0]
        #expect(order?["fulfillment_status"] == .null)
        #expect(order?["fulfillments"] == [])
        #expect(order?["total_price"] == "327.00")
        #expect(try await get("orders.json?name=%231003").json?["orders"] == [])
        #expect(try await get("orders.json?name=%239999&status=any").json?["orders"] == [])
    }

    @Test func `inventory levels go by inventory item`() async throws {
        let product = try await get("products/8003.json").json?["product"]
        let item = try #require(product?["variants"]?[0]?["inventory_item_id"]?.int)
        let levels = try await get("inventory_levels.json?inventory_item_ids=\(item)").json?["inventory_levels"]
        #expect(levels?[0]?["available"] == 12)
        #expect(try await get("inventory_levels.json").status == 422)
    }

    @Test func `a wrong token, an unknown product and a silly limit are refused in Shopify's shape`() async throws {
        let wrong = try await get("products.json", token: "shpat_wrong")
        #expect(wrong.status == 401)
        #expect(wrong.json?["errors"]?.string?.hasPrefix("[API] Invalid API key") == true)
        #expect(try await get("products.json", token: nil).status == 401)
        let missing = try await get("products/1.json")
        #expect(missing.status == 404)
        #expect(missing.json?["errors"] == "Not Found")
        #expect(try await get("products.json?limit=0").status == 400)
    }

    @Test func `the forty-first call at once is told to wait`() async throws {
        try await withShop(EmulatedShop(leakPerSecond: 0)) { client in
            for call in 1...40 {
                #expect(try await client.get("\(api)/shop.json", headers: token).status == 200, "\(call)")
            }
            let answer = try await client.get("\(api)/shop.json", headers: token)
            #expect(answer.status == 429)
            #expect(answer.headers["retry-after"] == "2.0")
            #expect(answer.headers["x-shopify-shop-api-call-limit"] == "40/40")
        }
    }

    @Test func `stock, delay and failure are switched over HTTP, and calls are counted`() async throws {
        let shop = EmulatedShop()
        try await withShop(shop) { client in
            let set = try await client.send(
                "PUT",
                "/emulator/shop",
                ["stock": ["iPhone 15": 4], "status": 503, "delay_ms": 1]
            )
            #expect(set.json?["stock"]?["iPhone 15"] == 4)
            let failed = try await client.get("\(api)/products.json", headers: token)
            #expect(failed.status == 503)
            _ = try await client.send("PUT", "/emulator/shop", ["status": .null, "delay_ms": 0])
            let answer = try await client.get("\(api)/products.json?title=iPhone%2015", headers: token)
            #expect(answer.json?["products"]?[0]?["variants"]?[0]?["inventory_quantity"] == 4)
            #expect(try await client.get("/emulator/shop").json?["requests"] == 2)
            #expect(try await client.send("PUT", "/emulator/shop", ["stock": ["Nokia": 1]]).status == 400)
            #expect(try await client.send("PUT", "/emulator/shop", ["status": 200]).status == 400)
        }
        #expect(shop.requestCount == 2)
    }
}

extension ShopTests {
    private var token: [(String, String)] { [("X-Shopify-Access-Token", EmulatedShop.demoToken)] }

    private func get(_ path: String, token: String? = EmulatedShop.demoToken) async throws -> LocalClient.Answer {
        try await withShop { client in
            try await client.get("\(api)/\(path)", headers: token.map { [("X-Shopify-Access-Token", $0)] } ?? [])
        }
    }

    private func withShop<Result: Sendable>(
        _ shop: EmulatedShop = EmulatedShop(),
        _ body: (LocalClient) async throws -> Result
    ) async throws -> Result {
        try await withServer(
            mounting: { world, logger in
                EmulatorService(world: world, port: 0, logger: logger, moreRoutes: { shop.addRoutes(to: $0) })
            },
            body
        )
    }
}
