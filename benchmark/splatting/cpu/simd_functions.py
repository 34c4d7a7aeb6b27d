"""Powers and logarithms of `simd`'s lanes, as polynomials that stay in registers."""

from __future__ import annotations

import math

from llvmlite import ir
from numba.extending import intrinsic

from benchmark.splatting.cpu.simd import LANES, call, constant, floats

# 2 ** r - 1 on [-1/2, 1/2], divided by r, highest power first: minimax in relative error, 9e-8.
_EXP2 = (
    0.001326472731307149,
    0.009671512991189957,
    0.05550733581185341,
    0.24022242426872253,
    0.6931470036506653,
)
# 2 / ln 2 / (2 k + 1), the series of log2((1 + z) / (1 - z)) / z in z * z, highest power first; |z| <= 0.172.
_LOG2 = tuple(2.0 / math.log(2.0) / odd for odd in (9, 7, 5, 3, 1))


@intrinsic
def power_of_two(typingctx, x):
    """``2 ** x`` for float32 lanes in [-100, 100], to about one unit in the last place; outside it may be anything.

    ``x`` is split into the nearest integer, added to the exponent bits, and a rest in [-1/2, 1/2], for which a minimax
    polynomial of degree five serves.
    """

    def codegen(context, builder, sig, args):
        (value,) = args
        integers = ir.VectorType(ir.IntType(32), LANES)
        # Adding 1.5 * 2**23 leaves the rounded integer in the low bits of the significand.
        magic = ir.Constant(floats.ir_type, [12582912.0] * LANES)
        shifted = builder.fadd(value, magic)
        rest = builder.fsub(value, builder.fsub(shifted, magic))
        # Estrin's order: shorter chains of dependent operations than Horner's, and the kernels wait for nothing else.
        square = builder.fmul(rest, rest)
        high, middle, low = (
            call(builder, "fmuladd", [rest, constant(odd), constant(even)])
            for odd, even in zip((*_EXP2[0::2],), (*_EXP2[1::2], 1.0), strict=True)
        )
        result = call(builder, "fmuladd", [call(builder, "fmuladd", [high, square, middle]), square, low])
        exponent = builder.shl(builder.bitcast(shifted, integers), ir.Constant(integers, [23] * LANES))
        scaled = builder.add(builder.bitcast(result, integers), exponent)
        return builder.bitcast(scaled, floats.ir_type)

    return floats(x), codegen


@intrinsic
def logarithm(typingctx, x):
    """``log2(x)`` for positive normal float32 lanes, to a few units in the last place.

    The significand is brought into [1/sqrt 2, sqrt 2); with ``z = (m - 1) / (m + 1)`` the series of ``2 atanh(z)``
    converges fast and is exact at 1.
    """

    def codegen(context, builder, sig, args):
        (value,) = args
        integers = ir.VectorType(ir.IntType(32), LANES)

        def whole(number):
            return ir.Constant(integers, [number] * LANES)

        def real(number):
            return ir.Constant(floats.ir_type, [number] * LANES)

        pattern = builder.bitcast(value, integers)
        # 0x3F3504F3 is sqrt(1/2): counting from there centres the significand on 1.
        offset = builder.sub(pattern, whole(0x3F3504F3))
        exponent = builder.ashr(offset, whole(23))
        significand = builder.bitcast(builder.sub(pattern, builder.shl(exponent, whole(23))), floats.ir_type)
        z = builder.fdiv(builder.fsub(significand, real(1.0)), builder.fadd(significand, real(1.0)))
        square = builder.fmul(z, z)
        series = real(_LOG2[0])
        for coefficient in _LOG2[1:]:
            series = call(builder, "fmuladd", [series, square, real(coefficient)])
        return call(builder, "fmuladd", [series, z, builder.sitofp(exponent, floats.ir_type)])

    return floats(x), codegen
