// SPDX-License-Identifier: Apache-2.0
// The CPU computes in float and double.
// says: cpu::Backend: the scalar must be float or double
#include <moenda/cpu/backend.hpp>

#ifdef MOENDA_MUST_FAIL
using Scalar = int;
#else
using Scalar = double;
#endif
moenda::cpu::Backend<Scalar> backend;
