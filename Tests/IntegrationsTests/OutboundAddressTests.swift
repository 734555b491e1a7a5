import Integrations
import Testing

@Suite struct OutboundAddressTests {
    @Test(arguments: [
        "https://shop.example.com", "https://shop.example.com/", "https://SHOP.example.com/a?b=c#d",
        "https://shop.example.com:443/", "https://shop.example.com:8443/x", "https://shop.example.com.",
        "https://8.8.8.8/", "https://1.1.1.1", "https://[2606:4700:4700::1111]/", "https://xn--bcher-kva.example",
        "https://my-shop.myshopify.com/admin/api", "https://10.example.com", "https://1e100.net",
        "https://shop.example.com/@user", "https://172.32.0.1", "https://100.128.0.1", "https://192.169.0.1",
    ])
    func `a public address is fine`(url: String) {
        #expect(OutboundAddress.refusal(of: url, allowsPrivate: false) == nil)
    }

    @Test(arguments: [
        "", "shop.example.com", "http://shop.example.com", "ftp://shop.example.com", "file:///etc/passwd", "https://",
        "https:///x", "https:shop.example.com", "//shop.example.com", "javascript:alert(1)", "gopher://x.example.com",
        "https://user@shop.example.com", "https://user:pw@shop.example.com", "https://shop.example.com@127.0.0.1",
        "https://shop.example.com:22", "https://shop.example.com:6379/", "https://shop.example.com:0",
        "https://shop.example.com:99999", "https://shop.example.com:", "https://shop.example.com:443x",
        "https://shop.example.com\\@127.0.0.1", "https://shop .example.com", "https://shop.example.com\r\nx",
        "https://shöp.example.com", "https://shop.example.com%00.evil.com", "https://127%2e0%2e0%2e1",
        "https://１２７.0.0.1", "https://a..example.com", "https://-a.example.com",
        "https://localhost", "https://LOCALHOST", "https://localhost.", "https://x.localhost", "https://intranet",
        "https://db.internal", "https://printer.local", "https://x.localdomain", "https://router.lan",
        "https://metadata.google.internal", "https://nas.home.arpa", "https://1.0.0.127.in-addr.arpa",
        "https://127.0.0.1", "https://127.1", "https://127.0.1", "https://2130706433", "https://0x7f000001",
        "https://0x7f.0.0.1", "https://0x7f.1", "https://0177.0.0.1", "https://0177.1", "https://017700000001",
        "https://127.0.0.1.", "https://127.255.255.254", "https://0", "https://0.0.0.0", "https://0x0", "https://0x",
        "https://10.0.0.1", "https://0xa.0.0.1", "https://012.0.0.1", "https://167772161", "https://172.16.0.1",
        "https://172.31.255.255", "https://192.168.0.1", "https://192.168.1", "https://3232235521",
        "https://100.64.0.1", "https://100.127.255.255", "https://100.100.100.200", "https://169.254.169.254",
        "https://2852039166", "https://0xa9fea9fe", "https://169.254.43518", "https://0251.0376.0251.0376",
        "https://168.63.129.16", "https://192.0.0.192", "https://198.18.0.1", "https://203.0.113.7",
        "https://192.0.2.1", "https://224.0.0.1", "https://255.255.255.255", "https://240.0.0.1",
        "https://256.1.1.1", "https://1.2.3.4.5", "https://4294967296", "https://08.0.0.1",
        "https://a.127", "https://[::1]", "https://[::]", "https://[0:0:0:0:0:0:0:1]", "https://[::ffff:127.0.0.1]",
        "https://[::ffff:7f00:1]", "https://[::ffff:8.8.8.8]", "https://[::127.0.0.1]", "https://[64:ff9b::7f00:1]",
        "https://[64:ff9b::169.254.169.254]", "https://[64:ff9b:1::1]", "https://[fe80::1]", "https://[fe80::1%25eth0]",
        "https://[fc00::1]", "https://[fd00:ec2::254]", "https://[fec0::1]", "https://[ff02::1]", "https://[100::1]",
        "https://[2002:7f00:1::]", "https://[2001:0:7f00:1::]", "https://[2001:db8::1]", "https://[3fff::1]",
        "https://[::1", "https://[]", "https://[:::]", "https://[1:2:3:4:5:6:7:8:9]", "https://[1::2::3]",
        "https://[::12345]", "https://[::1]x", "https://::1",
    ])
    func `any other address is refused`(url: String) {
        #expect(OutboundAddress.refusal(of: url, allowsPrivate: false) != nil)
    }

    @Test(arguments: [
        "http://127.0.0.1:8081", "http://localhost:9090/x", "https://10.0.0.5", "http://shop", "http://[::1]:8080",
        "http://192.168.1.7:3000", "http://[fd12::1]", "http://db.internal", "http://shop.example.com:81",
    ])
    func `an operator may allow private addresses`(url: String) {
        #expect(OutboundAddress.refusal(of: url, allowsPrivate: true) == nil)
        #expect(OutboundAddress.refusal(of: url, allowsPrivate: false) != nil)
    }

    @Test(arguments: [
        "http://169.254.169.254/latest/meta-data", "http://metadata.google.internal", "http://[fd00:ec2::254]",
        "http://100.100.100.200", "http://168.63.129.16", "http://0xa9fea9fe", "http://[fe80::1]",
        "http://[::ffff:169.254.169.254]", "http://user@localhost", "ftp://localhost", "http://192.0.0.192",
    ])
    func `metadata services and user names are refused even then`(url: String) {
        #expect(OutboundAddress.refusal(of: url, allowsPrivate: true) != nil)
    }
}
