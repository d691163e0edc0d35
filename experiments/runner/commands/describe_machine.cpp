// SPDX-License-Identifier: Apache-2.0
// What this machine offers, and which of the compiled kernels run on it.
#include <iostream>
#include <thread>

#include "moenda/cpu/levels/choose.hpp"
#include "moenda/report/terminal/table.hpp"
#include "runner/commands.hpp"
#include "runner/run/machine.hpp"

namespace moenda::runner {

int describe_machine() {
  auto const chosen = cpu::choose_level(cpu::Level::automatic);
  io::Table table({"kernels", "instructions", "here"});
  auto const add = [&](cpu::Level level, char const* instructions) {
    bool const there = level <= cpu::highest_level();
    table.add_row({cpu::name_of(level), instructions,
                   level == chosen.level ? "run"
                   : there               ? "can be asked for"
                                         : "no"});
  };
  add(cpu::Level::portable, "those of every processor of this family");
  add(cpu::Level::avx2, "AVX2, FMA, F16C (x86-64-v3)");
  add(cpu::Level::avx512, "AVX-512 F, BW, CD, DQ, VL (x86-64-v4)");
  add(cpu::Level::avx512_bf16, "and dot products of bf16 pairs");
  add(cpu::Level::amx, "and tiles of bf16 (AMX)");
  std::cout << "processor  " << processor_name() << "\nthreads    "
            << std::thread::hardware_concurrency() << "\nkernels    " << cpu::name_of(chosen.level)
            << ": " << chosen.reason << "\n\n"
            << table.text() << '\n';
  return 0;
}

}  // namespace moenda::runner
