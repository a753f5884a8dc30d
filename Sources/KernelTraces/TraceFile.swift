/// The bytes of a trace: a file or standard input, plain or gzip, read in one pass with a buffer of fixed size.
import CZlib
import Glibc

/// An open trace. One owner; closed when it goes. zlib reads plain files through unchanged.
package struct TraceFile: ~Copyable {
  private let handle: gzFile
  /// Whether the last read found the end.
  private var isAtEnd = false

  /// Opens a path; `-` is standard input. Throws: it cannot be opened.
  package init(path: String) throws(TraceError) {
    let descriptor = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw TraceError(line: 0, "cannot be opened: \(String(cString: strerror(errno)))")
    }
    guard let handle = gzdopen(descriptor, "rb") else {
      close(descriptor)
      throw TraceError(line: 0, "no memory to read it")
    }
    gzbuffer(handle, 1 << 18)
    self.handle = handle
  }

  deinit { gzclose_r(handle) }

  /// Fills `buffer` from `offset` on; returns how many bytes came, 0 at the end.
  ///
  /// Throws: a read error, or a gzip stream that is cut off or does not match its checksum.
  mutating func read(into buffer: inout [UInt8], at offset: Int, line: Int) throws(TraceError) -> Int {
    guard !isAtEnd else { return 0 }
    let count = buffer.withUnsafeMutableBytes { bytes in
      gzread(handle, bytes.baseAddress?.advanced(by: offset), UInt32(bytes.count - offset))
    }
    var code: Int32 = 0
    if count < 0 {
      // zlib puts the file's name, here its descriptor's number, before the reason.
      let whole = gzerror(handle, &code).map { String(cString: $0) } ?? "unknown"
      let text = whole.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? whole
      throw TraceError(line: line, code == Z_ERRNO ? "cannot be read: \(text)" : "the gzip stream is corrupt: \(text)")
    }
    if count == 0 {
      isAtEnd = true
      _ = gzerror(handle, &code)
      if code == Z_BUF_ERROR { throw TraceError(line: line, "the gzip stream is cut off here") }
    }
    return Int(count)
  }
}
