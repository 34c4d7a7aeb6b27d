"""What moves `simd`'s lanes from and to memory: neighbours, columns of a table, and the pointers that inner loops take."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from benchmark.splatting.cpu.simd import LANES, floats


def _element_pointer(context: Any, builder: ir.IRBuilder, array: types.Type, value: Any, index: Any) -> ir.Value:
    pointer = value if isinstance(array, types.CPointer) else context.make_array(array)(context, builder, value).data
    return builder.gep(pointer, [index], inbounds=True)


@intrinsic
def pointer(typingctx, array):
    """Where a contiguous array's elements lie, to be indexed like it.

    An array costs a call seven arguments and two changes of its reference count, several times what drawing a row of
    pixels takes. A pointer keeps nothing alive: take it anew in every round of the loop that also names the array.
    """

    def codegen(context, builder, sig, args):
        return context.make_array(sig.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), codegen


@intrinsic
def load(typingctx, array, index):
    """Neighbours in a flat contiguous float32 array, from ``index`` on. No bounds check."""

    def codegen(context, builder, sig, args):
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        pointer = _element_pointer(context, builder, sig.args[0], args[0], index)
        value = builder.load(builder.bitcast(pointer, floats.ir_type.as_pointer()), align=4)
        return value

    return floats(array, index), codegen


@intrinsic
def store(typingctx, array, index, x):
    """Write neighbours in a flat contiguous float32 array, from ``index`` on. No bounds check."""

    def codegen(context, builder, sig, args):
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        pointer = _element_pointer(context, builder, sig.args[0], args[0], index)
        builder.store(args[2], builder.bitcast(pointer, floats.ir_type.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, index, x), codegen


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the cache line of an element that will be written soon. Of no consequence but for time."""

    def codegen(context, builder, sig, args):
        index = context.cast(builder, args[1], sig.args[1], types.intp)
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        address = builder.bitcast(_element_pointer(context, builder, sig.args[0], args[0], index), byte)
        for_writing, keep, data = (ir.Constant(number, value) for value in (1, 3, 1))
        builder.call(function, [address, for_writing, keep, data])
        return context.get_dummy_value()

    return types.void(array, index), codegen


def _rows(builder: ir.IRBuilder, first: ir.Value, last: ir.Value) -> list[ir.Value]:
    """``first, first + 1, ...``, one a lane, held at ``last``."""
    rows = [builder.add(first, ir.Constant(first.type, lane)) for lane in range(LANES)]
    return [builder.select(builder.icmp_signed("<", row, last), row, last) for row in rows]


@intrinsic
def gather(typingctx, array, first, last, stride, column):
    """Lane ``i`` is element ``column`` of row ``min(first + i, last)`` of a flat table, as float32. No bounds check.

    Lanes past the last row repeat it, so that what is computed from them can be scattered again without a mask.
    """

    def codegen(context, builder, sig, args):
        first, last, stride, column = (
            context.cast(builder, args[k], sig.args[k], types.intp) for k in range(1, len(args))
        )
        value = ir.Constant(floats.ir_type, ir.Undefined)
        for lane, row in enumerate(_rows(builder, first, last)):
            index = builder.add(builder.mul(row, stride), column)
            pointer = _element_pointer(context, builder, sig.args[0], args[0], index)
            element = context.cast(builder, builder.load(pointer), sig.args[0].dtype, types.float32)
            value = builder.insert_element(value, element, ir.Constant(ir.IntType(32), lane))
        return value

    return floats(array, first, last, stride, column), codegen


@intrinsic
def scatter(typingctx, array, first, last, stride, column, x):
    """Element ``column`` of row ``min(first + i, last)`` of a flat table becomes lane ``i``. No bounds check."""

    def codegen(context, builder, sig, args):
        first, last, stride, column = (context.cast(builder, args[k], sig.args[k], types.intp) for k in range(1, 5))
        for lane, row in enumerate(_rows(builder, first, last)):
            index = builder.add(builder.mul(row, stride), column)
            pointer = _element_pointer(context, builder, sig.args[0], args[0], index)
            element = builder.extract_element(args[5], ir.Constant(ir.IntType(32), lane))
            builder.store(context.cast(builder, element, types.float32, sig.args[0].dtype), pointer)
        return context.get_dummy_value()

    return types.void(array, first, last, stride, column, x), codegen
