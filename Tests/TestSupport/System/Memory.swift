import CKernel

/// Bytes that this process has allocated and not freed.
public func allocatedBytes() -> Int { Int(mallinfo2().uordblks) }
