import EventLoop
import Redis
import Testing

@Suite struct RedisURLTests {
    @Test(
        "a URL says where, as whom and in which database",
        arguments: [
            ("redis://", RemoteAddress.tcp(host: "localhost", port: 6379), nil, nil, 0),
            ("redis://cache", .tcp(host: "cache", port: 6379), nil, nil, 0),
            ("redis://127.0.0.1:7000/3", .tcp(host: "127.0.0.1", port: 7000), nil, nil, 3),
            ("redis://[::1]:7000", .tcp(host: "::1", port: 7000), nil, nil, 0),
            ("redis://:s%2Fcret@cache/1", .tcp(host: "cache", port: 6379), nil, "s/cret", 1),
            ("redis://ann:a@b:c@cache:1", .tcp(host: "cache", port: 1), "ann", "a@b:c", 0),
            ("unix:///run/redis.sock", .local(path: "/run/redis.sock"), nil, nil, 0),
            ("redis+unix://:pw@/run/redis.sock?db=2", .local(path: "/run/redis.sock"), nil, "pw", 2),
        ] as [(String, RemoteAddress, String?, String?, Int)])
    func parts(_ text: String, _ address: RemoteAddress, _ user: String?, _ password: String?, _ database: Int) throws {
        let url = try RedisURL(text)
        #expect(url.address == address)
        #expect(url.user == user)
        #expect(url.password == password)
        #expect(url.database == database)
    }

    @Test(
        "what is no such URL is refused",
        arguments: [
            "", "cache:6379", "http://cache", "rediss://cache", "redis://cache:0", "redis://cache:65536",
            "redis://cache:+1", "redis://cache/x", "redis://cache/65536", "redis://[::1", "redis://ca che",
            "redis://ann@cache", "redis://:%zz@cache", "redis://:%+1@cache", "redis://:%ff@cache", "unix://run/sock",
            "unix://",
            "unix:///a?x=1", "redis://:p#w@cache",
        ])
    func mistakes(_ text: String) {
        #expect(throws: RedisURL.Mistake.self) { try RedisURL(text) }
    }

    @Test("a description, and a mistake, tell no password")
    func secrecy() throws {
        #expect(try RedisURL("redis://ann:hush@[::1]:7000/3").description == "redis://[::1]:7000/3")
        #expect(try RedisURL("unix://:hush@/a/b?db=1").description == "unix:///a/b?db=1")
        for text in [
            "redis://ann:hush@cache:x", "http://ann:hush@cache", "redis://:hush#@cache", "redis://:hush%z@cache",
        ] {
            do {
                _ = try RedisURL(text)
                Issue.record("\(text) was taken")
            } catch {
                #expect(!error.description.contains("hush"))
            }
        }
    }
}
