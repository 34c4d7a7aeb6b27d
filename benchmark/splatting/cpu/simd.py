"""Lanes side by side: a vector type for Numba, so that a kernel is SIMD by construction.

LLVM's auto-vectoriser must prove that arrays do not overlap and gives up silently; values of this type are LLVM vectors
from the start, stay in registers, and give the same bits wherever the code is inlined (no fast-math reassociation).
They are as wide as the processor's registers: sixteen floats with AVX-512, else eight, which LLVM splits where needed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

LANES = 16 if get_host_cpu_features().get("avx512f") else 8
_IR_ELEMENT = {types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.boolean: ir.IntType(32)}
# A mask is all ones or all zeros in 32 bits a lane, as the processor's comparisons leave it: one bit a lane would be packed
# and unpacked whenever it lives across a branch.


class Vector(types.Type):
    """Numba type of `LANES` lanes of float32, float64 or boolean (a mask)."""

    def __init__(self, element: types.Type):
        self.element = element
        super().__init__(name=f"Vector({element})")

    @property
    def ir_type(self) -> ir.VectorType:
        """The LLVM type behind it."""
        return ir.VectorType(_IR_ELEMENT[self.element], LANES)


floats = Vector(types.float32)
doubles = Vector(types.float64)
masks = Vector(types.boolean)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector):
        super().__init__(manager, vector, vector.ir_type)


def _splat(builder: ir.IRBuilder, scalar: ir.Value) -> ir.Value:
    vector_type = ir.VectorType(scalar.type, LANES)
    first = builder.insert_element(ir.Constant(vector_type, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, ir.Constant(vector_type, ir.Undefined), _indices([0] * LANES))


def _indices(values: list[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(values)), values)


def _as_vector(context: Any, builder: ir.IRBuilder, value: ir.Value, of: types.Type, vector: Vector) -> ir.Value:
    """A scalar operand, converted to the element type and repeated in every lane."""
    if isinstance(of, Vector):
        return value
    return _splat(builder, context.cast(builder, value, of, vector.element))


def _operand_vector(left: types.Type, right: types.Type) -> Vector | None:
    """Type in which a binary operation happens: at least one operand is a vector, a scalar one is repeated."""
    vectors = [operand for operand in (left, right) if isinstance(operand, Vector)]
    scalars = [operand for operand in (left, right) if not isinstance(operand, Vector)]
    if not vectors or len(set(vectors)) > 1 or not all(isinstance(scalar, types.Number) for scalar in scalars):
        return None
    return vectors[0]


def constant(number: float) -> ir.Constant:
    return ir.Constant(floats.ir_type, [number] * LANES)


def _mask(builder: ir.IRBuilder, lanes: ir.Value) -> ir.Value:
    return builder.sext(lanes, masks.ir_type)


def _lanes(builder: ir.IRBuilder, mask: ir.Value) -> ir.Value:
    """One bit a lane, as LLVM's selections take it."""
    return builder.icmp_signed("<", mask, ir.Constant(mask.type, None))


def _register_binary(function: Callable, emit: Callable, result: Callable[[Vector], Vector]) -> None:
    @type_callable(function)
    def _type(context):
        def typer(left, right):
            vector = _operand_vector(left, right)
            return None if vector is None else result(vector)

        return typer

    def lower(context, builder, sig, args):
        vector = _operand_vector(*sig.args)
        left, right = (_as_vector(context, builder, arg, of, vector) for arg, of in zip(args, sig.args, strict=True))
        return emit(builder, left, right)

    for operands in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):
        lower_builtin(function, *operands)(lower)


for _function, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _register_binary(_function, lambda b, x, y, name=_name: getattr(b, name)(x, y), lambda vector: vector)
for _function, _sign in (
    (operator.eq, "=="),
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
):
    _register_binary(_function, lambda b, x, y, sign=_sign: _mask(b, b.fcmp_ordered(sign, x, y)), lambda vector: masks)
_register_binary(operator.and_, lambda b, x, y: b.and_(x, y), lambda vector: vector)


@type_callable(operator.neg)
def _type_neg(context):
    return lambda value: value if isinstance(value, Vector) else None


@lower_builtin(operator.neg, Vector)
def _lower_neg(context, builder, sig, args):
    return builder.fneg(args[0])


def call(builder: ir.IRBuilder, name: str, arguments: list[ir.Value]) -> ir.Value:
    """Call an LLVM vector intrinsic whose arguments and result have one type."""
    kind = arguments[0].type
    suffix = f"v{LANES}f{32 if isinstance(kind.element, ir.FloatType) else 64}"
    function_type = ir.FunctionType(kind, [kind] * len(arguments))
    function = builder.module.globals.get(f"llvm.{name}.{suffix}")
    if function is None:
        function = ir.Function(builder.module, function_type, f"llvm.{name}.{suffix}")
    return builder.call(function, arguments)


def _elementwise(name: str, arity: int, doc: str) -> Callable:
    """An intrinsic that maps vectors (scalars are repeated) onto a vector lane by lane."""

    def build(arguments):
        vectors = [argument for argument in arguments if isinstance(argument, Vector)]
        if not vectors:
            return None
        vector = vectors[0]

        def codegen(context, builder, sig, args):
            return call(
                builder,
                name,
                [_as_vector(context, builder, arg, of, vector) for arg, of in zip(args, sig.args, strict=True)],
            )

        return vector(*arguments), codegen

    if arity == 1:

        def function(typingctx, x):
            return build((x,))
    elif arity == 2:

        def function(typingctx, x, y):
            return build((x, y))
    else:

        def function(typingctx, x, y, z):
            return build((x, y, z))

    function.__doc__ = doc
    function.__name__ = function.__qualname__ = name.replace(".", "_")
    return intrinsic(function)


fma = _elementwise("fmuladd", 3, "``x * y + z`` in every lane, fused where the processor can.")
sqrt = _elementwise("sqrt", 1, "Square root of every lane.")
ceil = _elementwise("ceil", 1, "Smallest integer not below every lane, as a float.")
absolute = _elementwise("fabs", 1, "Magnitude of every lane.")


def _pick(sign: str, doc: str) -> Callable:
    """The operand for which ``x sign y`` holds: one instruction, which minnum and maxnum with their NaN rules are not."""

    def function(typingctx, x, y):
        vector = _operand_vector(x, y)

        def codegen(context, builder, sig, args):
            left, right = (
                _as_vector(context, builder, arg, of, vector) for arg, of in zip(args, sig.args, strict=True)
            )
            return builder.select(builder.fcmp_ordered(sign, left, right), left, right)

        return vector(x, y), codegen

    function.__doc__ = doc
    function.__name__ = function.__qualname__ = {"<": "minimum", ">": "maximum"}[sign]
    return intrinsic(function)


minimum = _pick("<", "The smaller one, lane by lane.")
maximum = _pick(">", "The larger one, lane by lane.")


@intrinsic
def splat(typingctx, x):
    """A float32 in every lane."""

    def codegen(context, builder, sig, args):
        return _splat(builder, context.cast(builder, args[0], sig.args[0], types.float32))

    return floats(x), codegen


@intrinsic
def lane_numbers(typingctx):
    """``0, 1, ... LANES - 1`` as float32."""

    def codegen(context, builder, sig, args):
        return ir.Constant(floats.ir_type, [float(lane) for lane in range(LANES)])

    return floats(), codegen


@intrinsic
def where(typingctx, mask, yes, no):
    """``yes`` where the mask holds, else ``no``; scalars are repeated."""
    vector = yes if isinstance(yes, Vector) else no

    def codegen(context, builder, sig, args):
        chosen = [_as_vector(context, builder, args[k], sig.args[k], vector) for k in (1, 2)]
        return builder.select(_lanes(builder, args[0]), *chosen)

    return vector(mask, yes, no), codegen


@intrinsic
def bits(typingctx, mask):
    """The mask as an integer; bit ``i`` is lane ``i``."""

    def codegen(context, builder, sig, args):
        byte = builder.bitcast(_lanes(builder, args[0]), ir.IntType(LANES))
        return builder.zext(byte, ir.IntType(32))

    return types.int32(mask), codegen


@intrinsic
def count(typingctx, mask):
    """How many lanes hold."""

    def codegen(context, builder, sig, args):
        byte = builder.bitcast(_lanes(builder, args[0]), ir.IntType(LANES))
        return builder.ctpop(builder.zext(byte, ir.IntType(32)))

    return types.int32(mask), codegen


@intrinsic
def total(typingctx, x):
    """Sum of the lanes, in a fixed order."""

    def codegen(context, builder, sig, args):
        value, width = args[0], LANES
        while width > 1:
            width //= 2
            undefined = ir.Constant(value.type, ir.Undefined)
            low = builder.shuffle_vector(value, undefined, _indices(list(range(width))))
            high = builder.shuffle_vector(value, undefined, _indices(list(range(width, 2 * width))))
            value = builder.fadd(low, high)
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return x.element(x), codegen


@intrinsic
def widen(typingctx, x):
    """float32 lanes as float64."""

    def codegen(context, builder, sig, args):
        return builder.fpext(args[0], doubles.ir_type)

    return doubles(x), codegen


@intrinsic
def narrow(typingctx, x):
    """float64 lanes rounded to float32."""

    def codegen(context, builder, sig, args):
        return builder.fptrunc(args[0], floats.ir_type)

    return floats(x), codegen
