import FoundationEssentials
import HTTPTypes
import Hummingbird
import Identity
public import NIOCore
import Wire

/// The document of all operations: OpenAPI 3.1, <https://spec.openapis.org/oas/v3.1.0>.
public enum OpenAPIDocument {
    /// - Throws: `EncodingError`.
    public static func json() throws -> ByteBuffer {
        var paths: [String: [String: Node]] = [:]
        for operation in Operation.all {
            paths[operation.path, default: [:]][operation.method.rawValue.lowercased()] = node(of: operation)
        }
        let schemes: Node = [
            "bearer": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"],
            "cookie": ["type": "apiKey", "in": "cookie", "name": .text(Credentials.cookieName)],
        ]
        let document: Node = [
            "openapi": "3.1.0",
            "info": [
                "title": "Chorus", "version": "1",
                "description": "Every route of every service; a tag names the service. docs/PROTOCOL.md says more.",
            ],
            "paths": .object(paths.mapValues { .object($0) }),
            "components": ["securitySchemes": schemes, "schemas": ["Error": error]],
        ]
        return try Response.encoded(document)
    }

    private static let error: Node = [
        "type": "object", "required": ["error", "code"],
        "properties": ["error": ["type": "string"], "code": ["type": "string"]],
    ]

    private static func node(of operation: Operation) -> Node {
        let parts = operation.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { $0.dropFirst().dropLast() }
        let inPath = parts.map { name -> Node in
            ["name": .text(String(name)), "in": "path", "required": true, "schema": schema(of: .text(128))]
        }
        let inQuery = operation.query.map { field -> Node in
            [
                "name": .text(field.name), "in": "query", "required": .flag(field.isRequired),
                "schema": schema(of: field.type),
            ]
        }
        var members: [String: Node] = [
            "summary": .text(operation.summary),
            "tags": .array(operation.services.map { .text($0) }),
            "parameters": .array(inPath + inQuery),
            "responses": responses(of: operation),
            "security": security(of: operation.verb),
        ]
        switch operation.body {
        case .json(let fields)?:
            let content: Node = ["application/json": ["schema": schema(of: fields)]]
            members["requestBody"] = ["required": .flag(fields.contains(where: \.isRequired)), "content": content]
        case .bytes(let types)?:
            let content = types.map { ($0, ["schema": ["type": "string", "format": "binary"]] as Node) }
            members["requestBody"] = [
                "required": true, "content": .object(Dictionary(content) { first, _ in first }),
            ]
        case nil: break
        }
        return .object(members)
    }

    private static func security(of verb: Verb?) -> Node {
        let tokens: [Node] = [["bearer": []], ["cookie": []]]
        guard let verb else { return [] }
        return .array(Permissions.grant(verb, to: nil) == .optional ? [[:]] + tokens : tokens)
    }

    private static func responses(of operation: Operation) -> Node {
        let refusal: Node = [
            "description": "A sentence and a code",
            "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
        ]
        var success: [String: Node] = ["description": "Done"]
        if let type = operation.mediaType {
            success["content"] = .object([type: type == "application/json" ? ["schema": ["type": "object"]] : [:]])
        }
        return [
            "2XX": .object(success), "3XX": ["description": "Elsewhere"], "4XX": refusal, "5XX": refusal,
        ]
    }

    private static func schema(of fields: [Operation.Field]) -> Node {
        let properties = fields.map { ($0.name, schema(of: $0.type)) }
        return [
            "type": "object", "properties": .object(Dictionary(properties) { first, _ in first }),
            "required": .array(fields.filter(\.isRequired).map { .text($0.name) }),
        ]
    }

    private static func schema(of kind: Operation.Field.Kind) -> Node {
        switch kind {
        case .text(let length): ["type": "string", "maxLength": .number(length)]
        case .id:
            [
                "type": "string", "pattern": "^[A-Za-z0-9._:-]+$", "minLength": 1,
                "maxLength": .number(Identifier.lengthMax),
            ]
        case .integer(let range):
            ["type": "integer", "minimum": .number(range.lowerBound), "maximum": .number(range.upperBound)]
        case .flag: ["type": "boolean"]
        case .choice(let choices): ["type": "string", "enum": .array(choices.map { .text($0) })]
        case .ids(let count):
            ["type": "array", "maxItems": .number(count), "uniqueItems": true, "items": schema(of: .id)]
        case .objects(let fields): ["type": "array", "items": schema(of: fields)]
        }
    }

    /// A value of JSON.
    private indirect enum Node: Encodable, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral,
        ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral
    {
        case object([String: Node])
        case array([Node])
        case text(String)
        case number(Int)
        case flag(Bool)

        init(dictionaryLiteral elements: (String, Node)...) {
            self = .object(Dictionary(elements) { first, _ in first })
        }
        init(arrayLiteral elements: Node...) { self = .array(elements) }
        init(stringLiteral text: String) { self = .text(text) }
        init(integerLiteral number: Int) { self = .number(number) }
        init(booleanLiteral flag: Bool) { self = .flag(flag) }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .object(let members): try container.encode(members)
            case .array(let values): try container.encode(values)
            case .text(let text): try container.encode(text)
            case .number(let number): try container.encode(number)
            case .flag(let flag): try container.encode(flag)
            }
        }
    }
}
