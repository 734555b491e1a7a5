import ParleyCore
import Storage

// parley agent, parley tool
extension Operations {
    package func showAgent(of business: ID<Business>) async throws -> Report {
        let agent = try await agent(of: business)
        return Report(
            agent.json,
            [
                .fields([
                    ("id", agent.id.description),
                    ("name", agent.name),
                    ("model", agent.model ?? "\(workbench.settings.model) (the configured default)"),
                    (
                        "debounce",
                        agent.debounceMilliseconds.map { "\($0) ms" }
                            ?? "\(workbench.settings.debounce.milliseconds) ms (the configured default)"
                    ),
                    ("tools", agent.tools.isEmpty ? "none" : agent.tools.joined(separator: ", ")),
                ]),
                .line("\n" + agent.instructions),
            ]
        )
    }

    /// - Parameter model: `default`, or an empty one, goes back to the configured default.
    package func setAgent(
        of business: ID<Business>,
        instructions: InputFile?,
        model: String?,
        debounceMilliseconds: Int?
    ) async throws -> Report {
        let text = try instructions?.text(upTo: Limits.inboxTextBytes).trimmed
        if let text, text.isEmpty {
            throw OperationError("the instructions are empty", fix: "write what the agent is and how it answers")
        }
        let model = model?.trimmed == "default" ? "" : model?.trimmed
        let doubt = try model.flatMap { $0.isEmpty ? nil : try check(model: $0, "--model") }
        let agent = try await agent(of: business)
        _ = try await stores.agents.change(
            AgentChanges(instructions: text, model: model, debounceMilliseconds: debounceMilliseconds),
            agent.id,
            of: business
        )
        return Report(
            try await self.agent(of: business).json,
            [.line("Changed. A running gateway uses it within a few seconds.")] + (doubt.map { [$0] } ?? [])
        )
    }

    /// Refuses a model that no gateway can ask; what is doubtful about one is to be said beside the result.
    func check(model name: String, _ option: String) throws -> Report.Block? {
        let shelf = ModelShelf(workbench.settings, transport: workbench.transport, clock: workbench.clock)
        do throws(SettingsError) {
            return try shelf.doubt(about: name).map {
                .check(.note, $0, fix: "set OPENAI_API_KEY for every gateway; parley doctor asks the provider")
            }
        } catch {
            throw OperationError("\(option): \(error.fix)", fix: "")
        }
    }

    package func listTools(of business: ID<Business>) async throws -> Report {
        _ = try await self.business(business)
        let own = try await stores.tools.list(of: business)
        let others = try await stores.tools.catalogue().filter { tool in !own.contains { $0.tool.name == tool.name } }
        let all = (own.map { ($0.tool, $0.isEnabled) } + others.map { ($0, false) }).sorted { $0.0.name < $1.0.name }
        return Report(
            all.map { tool, isEnabled in
                [
                    "name": JSON(tool.name), "is_enabled": .bool(isEnabled), "category": JSON(tool.category),
                    "kind": JSON(tool.kind.rawValue), "description": JSON(tool.description),
                ]
            },
            ["NAME", "STATE", "KIND", "DESCRIPTION"],
            all.map { tool, isEnabled in
                [
                    tool.name, isEnabled ? "enabled" : "disabled", tool.kind == .builtIn ? "built in" : "live data",
                    tool.description.clipped(toUTF8: 80),
                ]
            },
            whenEmpty: "There is no tool."
        )
    }

    package func setTool(_ name: String, enabled: Bool, of business: ID<Business>) async throws -> Report {
        _ = try await self.business(business)
        let isDone =
            enabled
            ? try await stores.tools.enable(name, for: business)
            : try await stores.tools.disable(name, for: business)
        guard isDone else {
            throw OperationError(
                "this business has no tool “\(name)”",
                fix: "see its tools with: parley tool list --business \(business)"
            )
        }
        return Report(
            ["name": JSON(name), "is_enabled": .bool(enabled)],
            "\(name) is \(enabled ? "enabled" : "disabled"). A running gateway heeds it within a few seconds."
        )
    }

    private func agent(of business: ID<Business>) async throws -> AgentRecord {
        _ = try await self.business(business)
        guard let agent = try await stores.agents.defaultAgent(of: business) else { throw MissingAgent() }
        return agent
    }
}

extension AgentRecord {
    var json: JSON {
        [
            "id": JSON(id.description), "name": JSON(name), "instructions": JSON(instructions),
            "model": model.map { JSON($0) } ?? .null,
            "debounce_ms": debounceMilliseconds.map { JSON($0) } ?? .null,
            "tools": .array(tools.map { JSON($0) }),
        ]
    }
}
