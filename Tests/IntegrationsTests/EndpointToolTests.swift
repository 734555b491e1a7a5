import AgentKit
import CoordinationKit
import Integrations
import ParleyCore
import ParleyTesting
import Testing

@Suite struct EndpointToolTests {
    let shop = Shop()

    private func ask(
        _ tool: String,
        _ arguments: JSON,
        _ transport: any HTTPTransport
    ) async throws -> (ToolResult, JSON) {
        let tool = try #require(shop.tool(tool, over: transport))
        let result = await tool.call(arguments, in: shop.context)
        return (result, try JSON(parsing: result.content))
    }

    @Test func `stock and price come with the time of asking`() async throws {
        let transport = RecordingTransport(json: Shop.products)
        let (result, content) = try await ask("check_inventory", ["product": "iphone 15"], transport)
        #expect(!result.isError)
        #expect(!result.isCacheHit)
        #expect(content["as_of"] == "12:04")
        #expect(content["fetched_seconds_ago"] == 0)
        #expect(content["result"]?["found"] == true)
        #expect(content["result"]?["match"] == "exact")
        #expect(content["result"]?["title"] == "iPhone 15")
        #expect(content["result"]?["price"] == "$799")
        #expect(content["result"]?["stock"] == 5)
        let call = try #require(transport.calls.first)
        #expect(call.url == "https://shop.example.com/admin/api/2026-10/products.json?limit=250")
        #expect(call.headers.contains { $0.name == ShopifyPreset.tokenHeader && $0.value == Shop.token })
        #expect(call.timeout == Limits.toolTimeout)
    }

    @Test func `a second asking within five minutes is told from the cache, with its age`() async throws {
        let transport = RecordingTransport([Shop.answer(Shop.products), Shop.answer(["products": []])])
        let tool = try #require(shop.tool("check_inventory", over: transport))
        _ = await tool.call(["product": "iPhone 15"], in: shop.context)
        shop.clock.advance(by: .seconds(90))
        let again = await tool.call(["product": "  IPHONE   15 ", "invented": "x"], in: shop.context)
        #expect(again.isCacheHit)
        let content = try JSON(parsing: again.content)
        #expect(content["as_of"] == "12:04")
        #expect(content["fetched_seconds_ago"] == 90)
        #expect(content["result"]?["stock"] == 5)
        #expect(transport.calls.count == 1)

        shop.clock.advance(by: .seconds(211))
        let later = await tool.call(["product": "iPhone 15"], in: shop.context)
        #expect(!later.isCacheHit)
        #expect(transport.calls.count == 2)
        #expect(try JSON(parsing: later.content)["result"]?["found"] == false)
    }

    @Test func `another business is not answered from this one's shop`() async throws {
        let transport = RecordingTransport(json: Shop.products)
        let tool = try #require(shop.tool("check_inventory", over: transport))
        var context = shop.context
        context.businessID = ID(at: shop.clock.now)
        let result = await tool.call(["product": "iPhone 15"], in: context)
        #expect(result.isError)
        #expect(transport.calls.isEmpty)
    }

    @Test(arguments: [
        ("iPhone 15", "iPhone 15", "exact"), ("IPHONE 15", "iPhone 15", "exact"), ("iphone15", "iPhone 15", "exact"),
        ("iPhone", "iPhone 15", "close"), ("15 pro", "iPhone 15 Pro", "close"), ("airpod pro", "AirPods Pro", "exact"),
        ("the new iPhone 15 phone", "iPhone 15", "close"), ("usb c cables", "USB-C Cable", "exact"),
        ("cable", "USB-C Cable", "close"),
    ])
    func `the product that is meant is found`(asked: String, title: String, match: String) async throws {
        let (_, content) = try await ask(
            "check_inventory",
            ["product": JSON(asked)],
            RecordingTransport(json: Shop.products)
        )
        #expect(content["result"]?["title"]?.string == title)
        #expect(content["result"]?["match"]?.string == match)
    }

    @Test func `an unknown product names what comes near`() async throws {
        let transport = RecordingTransport([Shop.answer(Shop.products), Shop.answer(Shop.products)])
        let (_, content) = try await ask("check_inventory", ["product": "iPhone 27 Ultra"], transport)
        #expect(content["result"]?["found"] == false)
        #expect(content["result"]?["asked"] == "iPhone 27 Ultra")
        #expect(content["result"]?["similar"]?[0]?["title"] == "iPhone 15")
        let (_, other) = try await ask("check_inventory", ["product": "toaster"], transport)
        #expect(other["result"]?["similar"] == [])
    }

    @Test func `variants are added up`() async throws {
        let json: JSON = [
            "products": [
                [
                    "title": "Shirt",
                    "variants": [
                        ["price": "10.00", "inventory_quantity": 2], ["price": "10.00", "inventory_quantity": 3],
                        ["price": "10.00", "inventory_quantity": nil],
                    ],
                ]
            ]
        ]
        let (_, content) = try await ask("check_inventory", ["product": "shirt"], RecordingTransport(json: json))
        #expect(content["result"]?["stock"] == 5)
    }

    @Test(arguments: ["1001", "#1001", " # 1001 "])
    func `an order is found with or without its sign`(number: String) async throws {
        let transport = RecordingTransport(json: Shop.orders)
        let (_, content) = try await ask("get_order_status", ["order_number": JSON(number)], transport)
        #expect(transport.calls.first?.url.hasSuffix("/admin/api/2026-10/orders.json?name=%231001&status=any") == true)
        #expect(content["result"]?["order"] == "#1001")
        #expect(content["result"]?["fulfillment"] == "shipped")
        #expect(content["result"]?["payment"] == "paid")
        #expect(content["result"]?["tracking_number"] == "1Z999")
    }

    @Test(arguments: [
        ("a&status=any", "a%26status%3Dany"), ("../../shop.json", "..%2F..%2Fshop.json"), ("x?y#z", "x%3Fy%23z"),
        ("100%", "100%25"), ("a b", "a%20b"), ("é", "%C3%A9"), ("a\r\nHost: evil", "a%20Host%3A%20evil"),
        ("@evil.example", "%40evil.example"), ("\\\\evil", "%5C%5Cevil"), ("a+b", "a%2Bb"),
    ])
    func `an argument stays inside its component`(query: String, encoded: String) async throws {
        let transport = RecordingTransport(json: ["products": []])
        _ = try await ask("search_products", ["query": JSON(query)], transport)
        #expect(
            transport.calls.first?.url
                == "https://shop.example.com/admin/api/2026-10/products/search.json?query=\(encoded)"
        )
    }

    @Test(arguments: [".", "..", "", "   ", String(repeating: "x", count: 600)])
    func `an argument that could leave its folder is refused`(value: String) async throws {
        let transport = RecordingTransport(json: [:])
        let tool = endpoint("/orders/{number}/status", over: transport)
        let result = await tool.call(["number": JSON(value)], in: shop.context)
        #expect(result.isError)
        #expect(result.content.contains("number"))
        #expect(transport.calls.isEmpty)
    }

    @Test(arguments: ["//evil.example/{number}", "orders/{number}", "/a b/{number}", "/a\\{number}", "/a#{number}"])
    func `a template that could name another host is refused`(template: String) async {
        let transport = RecordingTransport(json: [:])
        let result = await endpoint(template, over: transport).call(["number": "1"], in: shop.context)
        #expect(result.isError)
        #expect(transport.calls.isEmpty)
    }

    @Test func `a private address is not called unless the operator allows it`() async throws {
        for (allows, calls) in [(false, 0), (true, 1)] {
            let transport = RecordingTransport(json: Shop.products)
            let source = ShopifyPreset.source(
                id: ID(at: shop.clock.now),
                businessID: shop.context.businessID,
                baseURL: "http://127.0.0.1:9090/",
                accessToken: Secret("t"),
                allowsPrivate: allows
            )
            let endpoint = try #require(ShopifyPreset.endpoints(at: shop.clock.now).first)
            let tool = EndpointTool(
                source: source,
                endpoint: endpoint,
                transport: transport,
                cache: shop.cache,
                clock: shop.clock
            )
            let result = await tool.call(["product": "iPhone 15"], in: shop.context)
            #expect(result.isError == !allows)
            #expect(transport.calls.count == calls)
        }
    }

    // MARK: What goes wrong

    static let failures: [(Result<HTTPAnswer, TransportError>, String)] = [
        (.failure(.noAnswer), "did not answer in time"), (.failure(.notConnected), "cannot be reached"),
        (.failure(.answerTooLarge), "could not be read"), (.failure(.invalidURL), "could not be asked"),
        (Shop.answer(["errors": "shpat_do_not_tell"], status: 401), "could not be asked"),
        (Shop.answer([:], status: 302), "could not be asked"), (Shop.answer([:], status: 404), "knows nothing"),
        (Shop.answer([:], status: 429), "too busy"), (Shop.answer([:], status: 500), "cannot be reached"),
        (Shop.answer([:], status: 503), "cannot be reached"),
        (.success(HTTPAnswer(status: 200, body: Array("<html>shop.example.com</html>".utf8))), "could not be read"),
        (.success(HTTPAnswer(status: 200, body: [])), "could not be read"),
    ]

    @Test(arguments: failures.indices)
    func `a failing shop is told gracefully, leaks nothing and is not remembered`(index: Int) async throws {
        let (failure, words) = Self.failures[index]
        let transport = RecordingTransport([failure, Shop.answer(Shop.products)])
        let tool = try #require(shop.tool("check_inventory", over: transport))
        let result = await tool.call(["product": "iPhone 15"], in: shop.context)
        let content = try JSON(parsing: result.content)
        #expect(result.isError)
        #expect(content["error"]?.string?.contains(words) == true)
        #expect(content["suggestion"] == "offer to have a person follow up")
        for leak in [Shop.host, "example", Shop.token, "http", "admin", "html", "40", "50"] {
            #expect(!result.content.contains(leak))
        }
        let again = await tool.call(["product": "iPhone 15"], in: shop.context)
        #expect(!again.isError)
        #expect(!again.isCacheHit)
    }

    @Test func `a shop that never answers is left after five seconds`() async throws {
        let tool = try #require(shop.tool("check_inventory", over: SilentTransport()))
        async let asked = tool.call(["product": "iPhone 15"], in: shop.context)
        await shop.clock.untilSleeping()
        shop.clock.advance(by: .milliseconds(5001))
        let result = await asked
        #expect(result.isError)
        #expect(try JSON(parsing: result.content)["error"] == "the shop did not answer in time")
    }

    @Test func `an answer that is too long for a model is refused`() async throws {
        let long = JSON(String(repeating: "x", count: Limits.toolResultBytes))
        let transport = RecordingTransport(json: ["text": long])
        let result = await endpoint("/all", over: transport).call(["number": "1"], in: shop.context)
        #expect(result.isError)
        #expect(result.content.utf8.count < 300)
    }

    @Test func `only GET is read-only, and another method sends its arguments as JSON`() async throws {
        let transport = RecordingTransport([Shop.answer(["ok": true]), Shop.answer(["ok": true])])
        let tool = endpoint("/returns", over: transport, method: .post)
        #expect(!tool.isReadOnly)
        for _ in 1...2 {
            let result = await tool.call(["number": "7"], in: shop.context)
            #expect(!result.isCacheHit)
        }
        #expect(transport.calls.count == 2)
        #expect(transport.calls.first.flatMap { try? JSON(parsing: $0.body) } == ["number": "7"])
        #expect(endpoint("/returns", over: transport).isReadOnly)
    }

    private func endpoint(
        _ template: String,
        over transport: any HTTPTransport,
        method: HTTPCall.Method = .get,
        mapping: JSON = [:]
    ) -> EndpointTool {
        EndpointTool(
            source: shop.source,
            endpoint: EndpointDefinition(
                id: ID(at: shop.clock.now),
                toolName: "look_up",
                description: "Looks something up.",
                parameters: [
                    "type": "object", "properties": ["number": ["type": "string"]], "required": ["number"],
                ],
                method: method,
                pathTemplate: template,
                responseMapping: mapping
            ),
            transport: transport,
            cache: shop.cache,
            clock: shop.clock
        )
    }

    static let mappings: [(JSON, JSON, JSON)] = [
        ([:], ["a": 1], ["a": 1]),
        (["fields": ["x": "a.b[1].c"]], ["a": ["b": [0, ["c": "deep"]]]], ["found": true, "x": "deep"]),
        (
            ["fields": ["x": "$.a", "y": "nope", "z": "a[9]"]], ["a": "v"],
            ["found": true, "x": "v", "y": nil, "z": nil]
        ),
        (["object": "$.data", "fields": ["x": "v"]], ["data": ["v": 3]], ["found": true, "x": 3]),
        (["object": "$.data", "fields": ["x": "v"]], ["other": 1], ["found": false]),
        (["list": "$", "limit": 2], [1, 2, 3], ["found": true, "count": 3, "items": [1, 2]]),
        (
            ["list": "$.l", "fields": ["n": "n"]], ["l": [["n": 1, "m": 2]]],
            ["found": true, "count": 1, "items": [["n": 1]]]
        ),
        (["list": "$.l"], ["l": "no list"], ["found": false, "count": 0, "items": []]),
        (["list": "$.l", "first": true, "fields": ["n": "n"]], ["l": []], ["found": false]),
        (["list": "$.l", "limit": -5], ["l": [1, 2]], ["found": true, "count": 2, "items": [1]]),
        (["list": 5, "fields": 7, "object": []], ["a": 1], ["a": 1]),
        (
            ["fields": ["x": "a[", "y": "..", "z": "", "w": "a[99999999999999999999]"]], ["a": [1]],
            ["found": true, "x": nil, "y": nil, "z": ["a": [1]], "w": nil]
        ),
        (
            ["fields": ["x": ["value": "constant"], "y": ["nothing": 1]]], [:],
            ["found": true, "x": "constant", "y": nil]
        ),
        (["fields": ["x": ["paths": ["a", "b"]]]], ["a": nil, "b": 2], ["found": true, "x": 2]),
        (
            ["fields": ["x": ["sum": "n", "over": "l"]]], ["l": [["n": 9_223_372_036_854_775_807], ["n": 1]]],
            ["found": true, "x": 9_223_372_036_854_775_807]
        ),
        (
            ["fields": ["x": ["path": "p", "format": "money", "currency": "€"]]], ["p": 19.9],
            ["found": true, "x": "€19.9"]
        ),
        (["fields": ["x": ["path": "p", "format": "money"]]], ["p": nil], ["found": true, "x": nil]),
        (
            ["fields": ["x": ["path": "p", "format": "plain"]]], ["p": "<p>a<br>b</p> <script"],
            ["found": true, "x": "a b"]
        ),
        (
            ["fields": ["x": ["path": "p", "format": "words", "words": ["null": "open"]]]], [:],
            ["found": true, "x": "open"]
        ),
    ]

    @Test(arguments: mappings.indices)
    func `a mapping is total`(index: Int) async throws {
        let (mapping, answer, expected) = Self.mappings[index]
        let tool = endpoint("/x", over: RecordingTransport(json: answer), mapping: mapping)
        let result = await tool.call(["number": "1"], in: shop.context)
        #expect(try JSON(parsing: result.content)["result"] == expected)
    }
}
