# SPDX-License-Identifier: Apache-2.0
"""Writes safetensors_types.safetensors with the safetensors package (made with 0.8.0).

    pip install safetensors numpy && python safetensors_types.py
"""
import pathlib

import numpy
from safetensors import TensorSpec, serialize_file

floats = [0.0, -0.0, 1.0, -2.5, 0.333251953125, 65504.0]
half = numpy.array(floats + [5.9604644775390625e-08, -6.097555160522461e-05, numpy.inf], "float16")
# numpy has no bfloat16: the upper halves of floats that are exact in it.
bfloat16 = (numpy.array([1.0, -2.5, 3.0e38, 1.0e-40], "float32").view("uint32") >> 16).astype("uint16")
alive = []


def entry(dtype, array):
    alive.append(array)  # TensorSpec keeps only the address
    return TensorSpec(
        dtype=dtype, shape=array.shape, data_ptr=array.ctypes.data, data_len=array.nbytes
    )


tensors = {
    "half": entry("float16", half),
    "bfloat16": entry("bfloat16", bfloat16),
    "float": entry("float32", numpy.array(floats, "float32").reshape(2, 3)),
    "double": entry("float64", numpy.array([0.1, -1.0e300]).reshape(1, 2, 1)),
    "ids": entry("int64", numpy.array([-1, 2**62], "int64")),
    "small ids": entry("int32", numpy.array([-7], "int32")),
    "bytes": entry("uint8", numpy.frombuffer(b"moenda", "uint8")),
    "scalar": entry("float32", numpy.array(0.5, "float32")),
    "empty": entry("float32", numpy.zeros((0, 4), "float32")),
    "rosa é \"日本\" \\ \n": entry("uint8", numpy.array([1], "uint8")),
}
# One entry only: the package writes several in random order.
path = pathlib.Path(__file__).with_suffix(".safetensors")
serialize_file(tensors, str(path), {"note": "line\nbreak"})
print(path, path.stat().st_size, "bytes")
