/// The bytes of a trace: a file or standard input, plain or gzip, read in one pass with a buffer of fixed size.
///
/// A gzip file may hold several streams one after the other (`cat a.gz b.gz`, log rotation); together they are one text. Zeros
/// after a stream are padding, and anything else is no part of the text, as for gzip: it is counted, so that it can be told.
/// zlib's own file functions read on as well, but do not say what they leave out.
import CZlib
import Glibc

/// An open trace. One owner; closed when it goes.
package struct TraceFile: ~Copyable {
  /// What the next bytes of the file are.
  private enum Position {
    /// Nothing has been read.
    case beginning
    /// Text.
    case plain
    /// Inside of a gzip stream.
    case stream
    /// A gzip stream has ended.
    case behindStream
    case end
  }

  private let descriptor: Int32
  private var position = Position.beginning
  /// What has been read from the file and not been used: `start..<end`.
  private var input = [UInt8](repeating: 0, count: 1 << 18)
  private var start = 0
  private var end = 0
  private var hasEnded = false
  /// zlib's state, which holds its own address.
  private let inflater: UnsafeMutablePointer<z_stream>
  /// Bytes behind the last gzip stream that are neither one more nor padding.
  package private(set) var garbage = 0
  /// Whether the task was cancelled, so that the rest has not been read.
  package private(set) var isStopped = false

  /// Opens a path; `-` is standard input. Throws: it cannot be opened.
  package init(path: String) throws(TraceError) {
    let descriptor = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw TraceError(line: 0, "cannot be opened: \(String(cString: strerror(errno)))")
    }
    guard Self.type(of: descriptor) != S_IFDIR else {
      close(descriptor)
      throw TraceError(line: 0, "cannot be read: Is a directory")
    }
    let inflater = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    inflater.initialize(to: z_stream())
    // 16: gzip's header and checksum.
    guard inflateInit2_(inflater, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      inflater.deallocate()
      close(descriptor)
      throw TraceError(line: 0, "no memory to read it")
    }
    self.descriptor = descriptor
    self.inflater = inflater
  }

  /// What kind of file a descriptor is open for; nil when that cannot be told.
  private static func type(of descriptor: Int32) -> mode_t? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : nil
  }

  /// Whether a path can be read from its beginning again: not a pipe's, a terminal's or standard input's.
  package static func isRepeatable(_ path: String) -> Bool {
    var status = stat()
    guard path != "-", stat(path, &status) == 0 else { return false }
    return status.st_mode & S_IFMT == S_IFREG || status.st_mode & S_IFMT == S_IFBLK
  }

  deinit {
    inflateEnd(inflater)
    inflater.deallocate()
    close(descriptor)
  }

  /// Fills `buffer` from `offset` on; returns how many bytes came, 0 at the end.
  ///
  /// Throws: a read error, or a gzip stream that is cut off or does not match its checksum.
  mutating func read(into buffer: inout [UInt8], at offset: Int, line: Int) throws(TraceError) -> Int {
    while true {
      switch position {
      case .beginning:
        try fill(line: line)
        if isStopped { return 0 }
        position = isStreamNext ? .stream : .plain
      case .plain:
        if start == end { try fill(line: line) }
        let count = min(end - start, buffer.count - offset)
        buffer.replaceSubrange(offset..<offset + count, with: input[start..<start + count])
        start += count
        if count == 0 { position = .end }
        return count
      case .stream:
        let count = try inflate(into: &buffer, at: offset, line: line)
        if count > 0 { return count }
      case .behindStream: try pass(line: line)
      case .end: return 0
      }
    }
  }

  /// Whether a gzip stream begins with the bytes at hand.
  private var isStreamNext: Bool { end - start >= 2 && input[start] == 0x1F && input[start + 1] == 0x8B }

  /// Uncompresses what there is; 0 when nothing came of it yet.
  private mutating func inflate(into buffer: inout [UInt8], at offset: Int, line: Int) throws(TraceError) -> Int {
    if start == end { try fill(line: line) }
    if isStopped { return 0 }
    if start == end { throw TraceError(line: line, "the gzip stream is cut off here") }
    let room = buffer.count - offset
    let available = end - start
    let code = input.withUnsafeMutableBufferPointer { input in
      buffer.withUnsafeMutableBufferPointer { output in
        inflater.pointee.next_in = input.baseAddress?.advanced(by: start)
        inflater.pointee.avail_in = UInt32(available)
        inflater.pointee.next_out = output.baseAddress?.advanced(by: offset)
        inflater.pointee.avail_out = UInt32(room)
        return CZlib.inflate(inflater, Z_NO_FLUSH)
      }
    }
    start = end - Int(inflater.pointee.avail_in)
    switch code {
    case Z_STREAM_END: position = .behindStream
    case Z_OK, Z_BUF_ERROR: break
    default:
      let reason = inflater.pointee.msg.map { String(cString: $0) } ?? "code \(code)"
      throw TraceError(line: line, "the gzip stream is corrupt: \(reason)")
    }
    return room - Int(inflater.pointee.avail_out)
  }

  /// Goes on behind a gzip stream: to the next one, or over what is none.
  private mutating func pass(line: Int) throws(TraceError) {
    if end - start < 2 { try fill(line: line) }
    if isStreamNext {
      inflateReset(inflater)
      position = .stream
    } else if start == end {
      position = .end
    } else if garbage == 0, input[start] == 0 {
      start += 1
    } else {
      garbage += end - start
      start = end
    }
  }

  /// Reads on behind what is at hand, until there are two bytes: as many as tell a gzip stream.
  private mutating func fill(line: Int) throws(TraceError) {
    if start > 0 {
      input.replaceSubrange(0..<end - start, with: input[start..<end])
      end -= start
      start = 0
    }
    while !hasEnded, end < 2 {
      guard waitForInput() else { return stop() }
      let count = input.withUnsafeMutableBytes { bytes in
        Glibc.read(descriptor, bytes.baseAddress?.advanced(by: end), bytes.count - end)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw TraceError(line: line, "cannot be read: \(String(cString: strerror(errno)))")
      }
      end += count
      hasEnded = count == 0
    }
  }

  /// Waits until there is something to read, or the file has ended; false when the task is cancelled meanwhile. A pipe may have
  /// nothing for as long as it likes, and a signal does not end a read.
  private func waitForInput() -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    repeat {
      if Task.isCancelled { return false }
    } while poll(&request, 1, 100) == 0
    return true
  }

  /// Takes what has been read so far for all that there is.
  private mutating func stop() {
    isStopped = true
    hasEnded = true
    position = .end
    start = end
  }
}
