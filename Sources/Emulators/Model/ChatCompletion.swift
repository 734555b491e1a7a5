import ParleyCore

/// An answer on the wire: as one JSON object or as the data lines of a stream.
struct ChatCompletion: Sendable {
    var id: String
    var model: String
    var created: Int64
    var text: String
    var calls: [(id: String, call: ModelStep.ToolCall)]
    /// Nil: the answer carries no counts.
    var usage: Usage?
    /// All tool-call deltas carry index 0.
    var ignoresIndex = false

    struct Usage: Sendable {
        var prompt: Int
        var completion: Int

        var json: JSON {
            [
                "prompt_tokens": JSON(prompt), "completion_tokens": JSON(completion),
                "total_tokens": JSON(prompt + completion),
                "prompt_tokens_details": ["cached_tokens": 0, "cache_write_tokens": 0, "audio_tokens": 0],
                "completion_tokens_details": [
                    "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0,
                    "rejected_prediction_tokens": 0,
                ],
            ]
        }
    }

    private var finishReason: JSON { calls.isEmpty ? "stop" : "tool_calls" }

    var whole: JSON {
        var message: JSON = [
            "role": "assistant", "content": text.isEmpty ? .null : JSON(text), "refusal": .null, "annotations": [],
        ]
        if !calls.isEmpty {
            message["tool_calls"] = .array(calls.map { entry in function(entry.id, entry.call) })
        }
        var json = envelope("chat.completion")
        json["choices"] = [
            ["index": 0, "message": message, "logprobs": .null, "finish_reason": finishReason]
        ]
        json["usage"] = usage?.json
        return json
    }

    /// The chunks in order, without framing and without the `[DONE]` mark.
    func chunks(includingUsage: Bool) -> [JSON] {
        var deltas: [JSON] = [["role": "assistant", "content": calls.isEmpty ? "" : .null, "refusal": .null]]
        deltas += pieces(of: text, size: 12).map { ["content": JSON($0)] }
        for (index, entry) in calls.enumerated() {
            let position = ignoresIndex ? 0 : index
            var head = function(entry.id, entry.call)
            head["index"] = JSON(position)
            head["function"] = ["name": JSON(entry.call.name), "arguments": ""]
            deltas.append(["tool_calls": [head]])
            deltas += pieces(of: entry.call.arguments, size: 9).map { piece in
                ["tool_calls": [["index": JSON(position), "function": ["arguments": JSON(piece)]]]]
            }
        }
        var chunks = deltas.map { chunk(delta: $0, finish: .null, includingUsage) }
        chunks.append(chunk(delta: .object(JSONObject()), finish: finishReason, includingUsage))
        if includingUsage, let usage {
            var last = envelope("chat.completion.chunk")
            last["choices"] = []
            last["usage"] = usage.json
            chunks.append(last)
        }
        return chunks
    }

    private func chunk(delta: JSON, finish: JSON, _ includingUsage: Bool) -> JSON {
        var json = envelope("chat.completion.chunk")
        json["choices"] = [["index": 0, "delta": delta, "logprobs": .null, "finish_reason": finish]]
        if includingUsage, usage != nil { json["usage"] = .null }
        return json
    }

    private func envelope(_ object: String) -> JSON {
        [
            "id": JSON(id), "object": JSON(object), "created": JSON(created), "model": JSON(model),
            "service_tier": "default", "system_fingerprint": "fp_emulated",
        ]
    }

    private func function(_ id: String, _ call: ModelStep.ToolCall) -> JSON {
        [
            "id": JSON(id), "type": "function",
            "function": ["name": JSON(call.name), "arguments": JSON(call.arguments)],
        ]
    }

    private func pieces(of text: String, size: Int) -> [String] {
        var pieces: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            pieces.append(String(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        return pieces
    }
}
