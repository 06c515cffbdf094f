internal import Glibc

/// Closes a descriptor. `EINTR` is no reason to try again: on Linux the descriptor is gone all the same (close(2)).
func closeDescriptor(_ descriptor: Int32) -> Int32 { close(descriptor) }

func readDescriptor(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    read(descriptor, buffer.baseAddress, buffer.count)
}

func writeDescriptor(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
    write(descriptor, buffer.baseAddress, buffer.count)
}

/// Descriptors that never reached a loop.
public enum Descriptor {
    public static func discard(_ descriptor: Int32) { _ = closeDescriptor(descriptor) }
}
