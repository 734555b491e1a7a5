import CoordinationRedis
import ParleyCore
import Testing

@Suite struct RedisAddressTests {
    @Test func `a full address is taken apart`() throws {
        let address = try RedisAddress("rediss://ann:p%40ss%3Aword@cache.example:7000/3?ca=/etc/ca.pem")
        #expect(address.host == "cache.example")
        #expect(address.port == 7000)
        #expect(address.user == "ann")
        #expect(address.password?.reveal { $0 == "p@ss:word" } == true)
        #expect(address.database == 3)
        #expect(address.usesTLS)
        #expect(address.authorityFile == "/etc/ca.pem")
    }

    @Test func `what is left out has its default`() throws {
        let address = try RedisAddress("redis://cache")
        #expect(address.port == 6379)
        #expect(address.database == 0)
        #expect(address.user == nil)
        #expect(address.password == nil)
        #expect(!address.usesTLS)
        #expect(try RedisAddress("redis://:word@[::1]:1/").host == "::1")
        #expect(try RedisAddress("redis://:word@[::1]").password?.reveal { $0 == "word" } == true)
    }

    @Test(
        arguments: [
            "", "cache:6379", "http://cache", "redis://", "redis://:hunter2@", "redis://cache:0", "redis://cache:65536",
            "redis://cache/x", "redis://cache/-1", "redis://u:hunter2%4@cache", "redis://[::1", "redis://[::1]x",
            "redis://cache?ca=/x", "rediss://cache?hunter2=1", "rediss://cache?ca=",
        ]
    ) func `what cannot be used is explained without repeating it`(_ url: String) {
        let problem = #expect(throws: RedisAddressProblem.self) { _ = try RedisAddress(url) }
        #expect(problem?.fix.contains("hunter2") == false)
    }

    @Test func `an address is written without name and password`() throws {
        let address = try RedisAddress("redis://ann:hunter2@cache:7000/3")
        #expect("\(address)" == "redis://cache:7000/3")
        #expect(!String(reflecting: address).contains("hunter2"))
        #expect(!"\(String(describing: address.password))".contains("hunter2"))
    }
}
