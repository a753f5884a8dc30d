import CZ3
import Logic

/// Every call of the C library, each wrapped once; the error code is read right after.
///
/// No error handler is installed (Z3's default would end the process). Every object that comes back is counted up before
/// anything else is asked, because a context with reference counts keeps only its last result alive.
enum Z3Call {
  /// A context with reference counts, and default configuration. Deleted by `deleteContext`.
  static func makeContext() throws(SMTError) -> OpaquePointer {
    let configuration = unsafe Z3_mk_config()
    defer { unsafe Z3_del_config(configuration) }
    guard let context = unsafe Z3_mk_context_rc(configuration) else {
      throw SMTError(operation: "Z3_mk_context_rc", code: -1, message: "no context")
    }
    unsafe Z3_set_error_handler(context, nil)
    return unsafe context
  }

  /// Frees the context and everything in it.
  static func deleteContext(_ context: OpaquePointer) { unsafe Z3_del_context(context) }

  /// Asks a running check to stop; harmless otherwise.
  static func interrupt(_ context: OpaquePointer?) { unsafe Z3_interrupt(context) }

  /// Z3's version, as it writes it.
  static var version: String {
    var parts: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    unsafe Z3_get_version(&parts.0, &parts.1, &parts.2, &parts.3)
    return "\(parts.0).\(parts.1).\(parts.2)"
  }

  /// Throws what the last call left as an error code.
  private static func check(
    _ context: OpaquePointer, _ operation: @autoclosure () -> String
  ) throws(SMTError) {
    let code = unsafe Z3_get_error_code(context)
    guard code != Z3_OK else { return }
    let message = unsafe Z3_get_error_msg(context, code).map { unsafe String(cString: $0) } ?? "no message"
    throw SMTError(operation: operation(), code: Int(code.rawValue), message: message)
  }

  /// The result of a call that yields an object; nil is an error even without a code.
  private static func result(
    _ context: OpaquePointer, _ operation: @autoclosure () -> String, _ object: OpaquePointer?
  ) throws(SMTError) -> OpaquePointer {
    unsafe try check(context, operation())
    guard let object = unsafe object else { throw SMTError(operation: operation(), code: -1, message: "no result") }
    return unsafe object
  }

  /// As `result`, and the term is counted up.
  private static func ast(
    _ context: OpaquePointer, _ operation: @autoclosure () -> String, _ object: OpaquePointer?
  ) throws(SMTError) -> OpaquePointer {
    let term = unsafe try result(context, operation(), object)
    unsafe Z3_inc_ref(context, term)
    unsafe try check(context, "Z3_inc_ref")
    return unsafe term
  }

  // Solvers.

  /// A solver of a kind, counted up, with the kind's parameters.
  static func makeSolver(_ context: OpaquePointer, _ kind: SolverKind) throws(SMTError) -> OpaquePointer {
    let solver: OpaquePointer
    switch kind {
    case .standard:
      unsafe solver = try result(context, "Z3_mk_solver", Z3_mk_solver(context))
    case .simple, .simpleUntuned, .matching:
      unsafe solver = try result(context, "Z3_mk_simple_solver", Z3_mk_simple_solver(context))
    case .logic(let name):
      let symbol = unsafe Z3_mk_string_symbol(context, name)
      unsafe try check(context, "Z3_mk_string_symbol")
      unsafe solver = try result(context, "Z3_mk_solver_for_logic", Z3_mk_solver_for_logic(context, symbol))
    }
    unsafe Z3_solver_inc_ref(context, solver)
    unsafe try check(context, "Z3_solver_inc_ref")
    // Else every check takes SIGINT for itself, through one global that checks in several threads overwrite: a signal is lost or
    // ends in a crash.
    unsafe try set(context, solver, flag: "ctrl_c", to: false)
    if kind == .simple {
      unsafe try set(context, solver, flag: "auto_config", to: false)
      unsafe try set(context, solver, number: "relevancy", to: 0)
    }
    if kind == .matching {
      unsafe try set(context, solver, flag: "mbqi", to: false)
    }
    return unsafe solver
  }

  /// Sets a Boolean parameter of a solver.
  private static func set(
    _ context: OpaquePointer, _ solver: OpaquePointer, flag name: String, to value: Bool
  ) throws(SMTError) {
    let parameters = unsafe try result(context, "Z3_mk_params", Z3_mk_params(context))
    unsafe Z3_params_inc_ref(context, parameters)
    defer { unsafe Z3_params_dec_ref(context, parameters) }
    unsafe Z3_params_set_bool(context, parameters, Z3_mk_string_symbol(context, name), value)
    unsafe try check(context, "Z3_params_set_bool")
    unsafe Z3_solver_set_params(context, solver, parameters)
    unsafe try check(context, "Z3_solver_set_params")
  }

  /// Sets a numeric parameter of a solver.
  static func set(
    _ context: OpaquePointer, _ solver: OpaquePointer, number name: String, to value: UInt32
  ) throws(SMTError) {
    let parameters = unsafe try result(context, "Z3_mk_params", Z3_mk_params(context))
    unsafe Z3_params_inc_ref(context, parameters)
    defer { unsafe Z3_params_dec_ref(context, parameters) }
    unsafe Z3_params_set_uint(context, parameters, Z3_mk_string_symbol(context, name), value)
    unsafe try check(context, "Z3_params_set_uint")
    unsafe Z3_solver_set_params(context, solver, parameters)
    unsafe try check(context, "Z3_solver_set_params")
  }

  /// Lets go of a solver.
  static func release(_ context: OpaquePointer, solver: OpaquePointer) { unsafe Z3_solver_dec_ref(context, solver) }

  /// Adds an assertion.
  static func assert(_ context: OpaquePointer, _ solver: OpaquePointer, _ term: OpaquePointer) throws(SMTError) {
    unsafe Z3_solver_assert(context, solver, term)
    unsafe try check(context, "Z3_solver_assert")
  }

  /// Opens a scope.
  static func push(_ context: OpaquePointer, _ solver: OpaquePointer) throws(SMTError) {
    unsafe Z3_solver_push(context, solver)
    unsafe try check(context, "Z3_solver_push")
  }

  /// Closes the innermost scope.
  static func pop(_ context: OpaquePointer, _ solver: OpaquePointer) throws(SMTError) {
    unsafe Z3_solver_pop(context, solver, 1)
    unsafe try check(context, "Z3_solver_pop")
  }

  /// Decides; nil means unknown.
  ///
  /// An interrupted check may leave an error code beside its answer; the answer counts, so the code is read and dropped there.
  static func check(
    _ context: OpaquePointer, _ solver: OpaquePointer, assuming assumptions: [OpaquePointer?]
  ) throws(SMTError) -> Bool? {
    let answer = unsafe assumptions.withUnsafeBufferPointer { buffer in
      unsafe Z3_solver_check_assumptions(context, solver, UInt32(buffer.count), buffer.baseAddress)
    }
    if answer == Z3_L_UNDEF {
      _ = unsafe Z3_get_error_code(context)
      return nil
    }
    unsafe try check(context, "Z3_solver_check_assumptions")
    return answer == Z3_L_TRUE
  }

  /// Why the last check was unknown.
  static func reasonUnknown(_ context: OpaquePointer, _ solver: OpaquePointer) throws(SMTError) -> String {
    let text = unsafe Z3_solver_get_reason_unknown(context, solver)
    unsafe try check(context, "Z3_solver_get_reason_unknown")
    return unsafe text.map { unsafe String(cString: $0) } ?? "no reason given"
  }

  /// The assumptions that the last refutation used.
  static func unsatCore(_ context: OpaquePointer, _ solver: OpaquePointer) throws(SMTError) -> [OpaquePointer] {
    let vector = unsafe try result(
      context, "Z3_solver_get_unsat_core", Z3_solver_get_unsat_core(context, solver))
    unsafe Z3_ast_vector_inc_ref(context, vector)
    defer { unsafe Z3_ast_vector_dec_ref(context, vector) }
    var core: [OpaquePointer] = unsafe []
    for position in 0..<(unsafe Z3_ast_vector_size(context, vector)) {
      unsafe core.append(try result(context, "Z3_ast_vector_get", Z3_ast_vector_get(context, vector, position)))
    }
    return unsafe core
  }

  /// The total of Z3's effort counter in this solver, in `rlimit` units; nil if it does not say.
  static func effortSpent(_ context: OpaquePointer, _ solver: OpaquePointer) throws(SMTError) -> UInt64? {
    let statistics = unsafe try result(
      context, "Z3_solver_get_statistics", Z3_solver_get_statistics(context, solver))
    unsafe Z3_stats_inc_ref(context, statistics)
    defer { unsafe Z3_stats_dec_ref(context, statistics) }
    for position in 0..<(unsafe Z3_stats_size(context, statistics)) {
      let key = unsafe Z3_stats_get_key(context, statistics, position).map { unsafe String(cString: $0) }
      guard key == "rlimit count" else { continue }
      if unsafe Z3_stats_is_uint(context, statistics, position) {
        return UInt64(unsafe Z3_stats_get_uint_value(context, statistics, position))
      }
      return UInt64(unsafe Z3_stats_get_double_value(context, statistics, position))
    }
    return nil
  }

  // Models.

  /// The model of the last satisfiable check, counted up.
  static func model(_ context: OpaquePointer, _ solver: OpaquePointer) throws(SMTError) -> OpaquePointer {
    let model = unsafe try result(context, "Z3_solver_get_model", Z3_solver_get_model(context, solver))
    unsafe Z3_model_inc_ref(context, model)
    return unsafe model
  }

  /// Lets go of a model.
  static func release(_ context: OpaquePointer, model: OpaquePointer) { unsafe Z3_model_dec_ref(context, model) }

  /// A term's value in a model that is completed where it says nothing.
  static func value(
    _ context: OpaquePointer, _ model: OpaquePointer, _ term: OpaquePointer, _ sort: Sort
  ) throws(SMTError) -> TermValue {
    var object: OpaquePointer?
    _ = unsafe Z3_model_eval(context, model, term, true, &object)
    let value = unsafe try ast(context, "Z3_model_eval", object)
    defer { unsafe Z3_dec_ref(context, value) }
    switch sort {
    case .boolean:
      let truth = unsafe Z3_get_bool_value(context, value)
      unsafe try check(context, "Z3_get_bool_value")
      return .boolean(truth == Z3_L_TRUE)
    case .uninterpreted:
      throw SMTError(operation: "Z3_model_eval", code: -1, message: "an element has no value outside its model")
    case .bitVector(let width):
      let text = unsafe Z3_get_numeral_string(context, value)
      unsafe try check(context, "Z3_get_numeral_string")
      guard let digits = unsafe text, let pattern = UInt128(unsafe String(cString: digits)) else {
        throw SMTError(operation: "Z3_get_numeral_string", code: -1, message: "not a number")
      }
      return .bits(pattern, width: width)
    }
  }

  // Terms.

  /// A sort, counted up.
  static func makeSort(_ context: OpaquePointer, _ sort: Sort) throws(SMTError) -> OpaquePointer {
    switch sort {
    case .boolean:
      unsafe try ast(context, "Z3_mk_bool_sort", Z3_mk_bool_sort(context))
    case .bitVector(let width):
      unsafe try ast(context, "Z3_mk_bv_sort", Z3_mk_bv_sort(context, UInt32(width)))
    case .uninterpreted(let number):
      unsafe try ast(
        context, "Z3_mk_uninterpreted_sort",
        Z3_mk_uninterpreted_sort(context, Z3_mk_string_symbol(context, "S\(number)")))
    }
  }

  /// A function's declaration, counted up.
  static func makeFunction(
    _ context: OpaquePointer, _ name: String, _ arguments: [OpaquePointer?], _ result: OpaquePointer
  ) throws(SMTError) -> OpaquePointer {
    let symbol = unsafe Z3_mk_string_symbol(context, name)
    unsafe try check(context, "Z3_mk_string_symbol")
    let object = unsafe arguments.withUnsafeBufferPointer { buffer in
      unsafe Z3_mk_func_decl(context, symbol, UInt32(buffer.count), buffer.baseAddress, result)
    }
    return unsafe try ast(context, "Z3_mk_func_decl", object)
  }

  /// A function at its arguments.
  static func application(
    _ context: OpaquePointer, of function: OpaquePointer, _ arguments: [OpaquePointer?]
  ) throws(SMTError) -> OpaquePointer {
    let object = unsafe arguments.withUnsafeBufferPointer { buffer in
      unsafe Z3_mk_app(context, function, UInt32(buffer.count), buffer.baseAddress)
    }
    return unsafe try ast(context, "Z3_mk_app", object)
  }

  /// ∃ over a constant, which is bound by it.
  static func exists(
    _ context: OpaquePointer, _ variable: OpaquePointer, _ body: OpaquePointer
  ) throws(SMTError) -> OpaquePointer {
    var bound: OpaquePointer? = unsafe variable
    let object = unsafe Z3_mk_exists_const(context, 0, 1, &bound, 0, nil, body)
    return unsafe try ast(context, "Z3_mk_exists_const", object)
  }

  /// A variable.
  static func variable(
    _ context: OpaquePointer, _ name: String, _ sort: OpaquePointer
  ) throws(SMTError) -> OpaquePointer {
    let symbol = unsafe Z3_mk_string_symbol(context, name)
    unsafe try check(context, "Z3_mk_string_symbol")
    return unsafe try ast(context, "Z3_mk_const", Z3_mk_const(context, symbol, sort))
  }

  /// A constant.
  static func constant(
    _ context: OpaquePointer, _ value: TermValue, _ sort: OpaquePointer
  ) throws(SMTError) -> OpaquePointer {
    switch value {
    case .boolean(true): unsafe try ast(context, "Z3_mk_true", Z3_mk_true(context))
    case .boolean(false): unsafe try ast(context, "Z3_mk_false", Z3_mk_false(context))
    case .bits(let pattern, _):
      unsafe try ast(context, "Z3_mk_numeral", Z3_mk_numeral(context, "\(pattern)", sort))
    case .element: preconditionFailure("an element is no constant of the term language")
    }
  }

  /// An operator over lowered operands. Requires: an operator with operands, no application and no quantifier.
  static func application(
    _ context: OpaquePointer, _ operation: Operator, _ operands: [OpaquePointer?], shape: Shape
  ) throws(SMTError) -> OpaquePointer {
    let object = unsafe operands.withUnsafeBufferPointer { buffer in
      unsafe raw(context, operation, buffer, shape)
    }
    return unsafe try ast(context, "Z3_mk for \(operation)", object)
  }

  /// The numbers that some operators need beside their operands.
  struct Shape {
    /// The lowest bit of an extraction.
    var lowest: UInt32 = 0
    /// The result's width; 0 for Boolean results.
    var width: UInt32 = 0
    /// How much wider the result is than the first operand.
    var added: UInt32 = 0
  }

  /// One call for each operator; the caller reads the error code.
  private static func raw(
    _ context: OpaquePointer, _ operation: Operator, _ operands: UnsafeBufferPointer<OpaquePointer?>, _ shape: Shape
  ) -> OpaquePointer? {
    let first = unsafe operands[0]
    let second = unsafe operands.count > 1 ? operands[1] : nil
    switch operation {
    case .constant, .variable, .none: preconditionFailure("leaves are not applications")
    case .apply, .exists: preconditionFailure("functions and quantifiers have calls of their own")
    case .not: return unsafe Z3_mk_not(context, first)
    case .and: return unsafe Z3_mk_and(context, UInt32(operands.count), operands.baseAddress)
    case .or: return unsafe Z3_mk_or(context, UInt32(operands.count), operands.baseAddress)
    case .equal: return unsafe Z3_mk_eq(context, first, second)
    case .ifThenElse: return unsafe Z3_mk_ite(context, first, second, operands[2])
    case .negate: return unsafe Z3_mk_bvneg(context, first)
    case .add: return unsafe Z3_mk_bvadd(context, first, second)
    case .subtract: return unsafe Z3_mk_bvsub(context, first, second)
    case .multiply: return unsafe Z3_mk_bvmul(context, first, second)
    case .divideSigned: return unsafe Z3_mk_bvsdiv(context, first, second)
    case .remainderSigned: return unsafe Z3_mk_bvsrem(context, first, second)
    case .divideUnsigned: return unsafe Z3_mk_bvudiv(context, first, second)
    case .remainderUnsigned: return unsafe Z3_mk_bvurem(context, first, second)
    case .bitNot: return unsafe Z3_mk_bvnot(context, first)
    case .bitAnd: return unsafe Z3_mk_bvand(context, first, second)
    case .bitOr: return unsafe Z3_mk_bvor(context, first, second)
    case .bitXor: return unsafe Z3_mk_bvxor(context, first, second)
    case .shiftLeft: return unsafe Z3_mk_bvshl(context, first, second)
    case .shiftRightLogical: return unsafe Z3_mk_bvlshr(context, first, second)
    case .shiftRightArithmetic: return unsafe Z3_mk_bvashr(context, first, second)
    case .lessUnsigned: return unsafe Z3_mk_bvult(context, first, second)
    case .lessOrEqualUnsigned: return unsafe Z3_mk_bvule(context, first, second)
    case .lessSigned: return unsafe Z3_mk_bvslt(context, first, second)
    case .lessOrEqualSigned: return unsafe Z3_mk_bvsle(context, first, second)
    case .extract: return unsafe Z3_mk_extract(context, shape.lowest + shape.width - 1, shape.lowest, first)
    case .concatenate: return unsafe Z3_mk_concat(context, first, second)
    case .extendUnsigned: return unsafe Z3_mk_zero_ext(context, shape.added, first)
    case .extendSigned: return unsafe Z3_mk_sign_ext(context, shape.added, first)
    }
  }
}
