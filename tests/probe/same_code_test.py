# SPDX-License-Identifier: Apache-2.0
"""Probes that are off cost nothing: the machine code of a mixture's forward and backward is the
same, byte for byte, whether or not the program knows of probes and of forced choices."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[2] / "include"
PROBES = ["probe/choices.hpp", "probe/counterfactual.hpp", "probe/dead_experts.hpp",
          "probe/specialisation.hpp", "probe/step_measures.hpp", "probe/trace.hpp",
          "probe/forced_choices.hpp"]
MIXTURE = """
#include "moenda/cpu/backend.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/router/top_k.hpp"
using namespace moenda;
using B = cpu::Backend<float>;
using M = Mixture<router::TopK, expert::SwiGlu>;
Tensor<B> forward(Context<B>& ctx, M::Config const& c, M::Params<B> const& p, M::Cache<B>& cache,
                  Tensor<B> x) {
  return M::forward(ctx, c, p, cache, x);
}
Tensor<B> backward(Context<B>& ctx, M::Config const& c, M::Params<B> const& p,
                   M::Params<B> const& grads, M::Cache<B>& cache, Tensor<B> dy) {
  return M::backward(ctx, c, p, grads, cache, dy);
}
"""


def functions(root, compiler, name, source):
    """The disassembly of every function, by its symbol."""
    file, target = root / f"{name}.cpp", root / f"{name}.o"
    file.write_text(source, encoding="utf-8")
    subprocess.run([compiler, "-std=c++20", "-O1", "-g0", "-DMOENDA_HEADER_ONLY=0",
                    f"-I{INCLUDE}", "-c", str(file), "-o", str(target)], check=True)
    text = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", str(target)], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    found = {}
    for symbol, body in re.findall(r"^[0-9a-f]+ <([^>]+)>:\n((?:.+\n)+)", text, re.MULTILINE):
        # The numbers of anonymous constants depend on what else is in the file.
        found[symbol] = re.sub(r"\.(LC|L|rodata\S*?)\d+", r".\1", body)
    return found


def main():
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None or shutil.which("objdump") is None:
        print("SKIP: needs a C++ compiler and objdump")
        return 77
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        plain = functions(root, compiler, "plain", MIXTURE)
        headers = "".join(f'#include "moenda/{name}"\n' for name in PROBES)
        knowing = functions(root, compiler, "knowing", headers + MIXTURE)
    passes = [body for symbol, body in plain.items() if re.match(r"_Z\d+(for|back)ward", symbol)]
    if len(passes) != 2 or passes[0] == passes[1]:
        print(f"FAILED: both passes must be among the functions, got {sorted(plain)}")
        return 1
    differing = [symbol for symbol, body in plain.items() if knowing.get(symbol) != body]
    if differing:
        print(f"FAILED: code must be the same with and without probes, differs: {differing[:5]}")
        return 1
    print(f"passed: {len(plain)} functions are the same with and without probes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
