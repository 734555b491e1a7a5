import HTTPTypes
import Hummingbird
import NIOCore
import ParleyCore

/// JSON in and out of an emulated endpoint.
enum JSONReply {
    static func make(_ json: JSON, status: Int = 200, headers: [String: String] = [:]) -> Response {
        bytes(json.encoded(), type: "application/json", status: status, headers: headers)
    }

    static func bytes(
        _ bytes: [UInt8],
        type: String,
        status: Int = 200,
        headers: [String: String] = [:]
    ) -> Response {
        Response(
            status: .init(code: status),
            headers: fields(headers, type: type),
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }

    static func fields(_ headers: [String: String], type: String) -> HTTPFields {
        var fields: HTTPFields = [.contentType: type]
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        return fields
    }

    /// The whole body, up to 4 MiB; answers 413 beyond.
    static func body(of request: Request) async throws -> [UInt8] {
        Array(try await request.body.collect(upTo: 4 << 20).readableBytesView)
    }
}
