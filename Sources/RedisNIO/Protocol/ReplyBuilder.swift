/// What hiredis's reader tells while it parses: every element once, in order, arrays before their elements.
///
/// Subclasses put together what they need; nothing is allocated on the C side.
class ReplyBuilder {
    /// Where an element stands in its array.
    struct Place {
        let index: Int
        /// How many elements the array has.
        let count: Int
    }

    /// A bulk string, simple string or error. `bytes` is valid during the call. `place` is `nil` outside of any array.
    func string(_ bytes: UnsafeRawBufferPointer, kind: StringKind, at place: Place?) {}
    func integer(_ value: Int64, at place: Place?) {}
    func null(at place: Place?) {}
    func array(count: Int, at place: Place?) {}

    enum StringKind {
        case bulk, status, error
    }
}
