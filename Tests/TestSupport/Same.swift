package import Testing

/// Expects two values to be equal; unlike `#expect` it takes operands that are built by mutating calls.
package func expectSame<Value: Equatable>(
  _ first: Value, _ second: Value, _ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation
) {
  #expect(first == second, comment, sourceLocation: location)
}
