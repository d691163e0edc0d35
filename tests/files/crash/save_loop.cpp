// SPDX-License-Identifier: Apache-2.0
// A program that saves checkpoints of two files, to be interrupted in every way by crash_test.py.
//
//   save_loop save  FOLDER steps|replace FIRST COUNT VALUES [announce]
//   save_loop check FOLDER
//
// "steps" keeps the newest folder step_N, "replace" exchanges the folder `latest`. `check` prints
// the newest generation, then removes leftovers. Exit codes: 0 fine, 1 a mixed or incomplete
// checkpoint was found, 2 usage, 3 DataError.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/folder_lock.hpp"
#include "moenda/weights/safetensors/safetensors.hpp"

namespace io = moenda::io;
using Path = std::filesystem::path;

namespace {

struct Mixed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string state_text(long generation) {
  return "{\"generation\": " + std::to_string(generation) + "}\n";
}

void save(Path const& target, long generation, std::size_t size) {
  auto const temporary = io::start_folder(target);
  std::vector<double> const values(size, static_cast<double>(generation));
  io::SafetensorsWriter writer;
  writer.add("values", {size}, values.data());
  writer.write(temporary / "model.safetensors", {{"generation", std::to_string(generation)}});
  io::write_file_atomically(temporary / "state.json", state_text(generation));
  io::commit_folder(temporary, target);
}

/// Generation of a checkpoint whose two files agree with each other and within themselves.
long load(Path const& folder) {
  io::SafetensorsFile const model(folder / "model.safetensors");
  auto const& info = model.tensor("values");
  std::vector<double> values(static_cast<std::size_t>(info.size()));
  model.read_as("values", values.data(), values.size());
  long const generation = std::stol(model.metadata().at("generation"));
  for (double value : values)
    if (value != static_cast<double>(generation)) throw Mixed("a value of another generation");
  std::uint64_t size = 0;
  auto const state = io::open_for_reading(folder / "state.json", size);
  std::string text(static_cast<std::size_t>(size), '\0');
  state.read_at(0, text.data(), text.size());
  if (text != state_text(generation)) throw Mixed(folder.string() + ": files do not agree");
  return generation;
}

int run_save(Path const& folder, bool steps, long first, long count, std::size_t size,
             bool announce) {
  io::FolderLock const lock(folder);
  io::remove_leftovers(folder);
  for (long generation = first; generation < first + count; ++generation) {
    auto const name = [&](long g) {
      return folder / (steps ? "step_" + std::to_string(g) : std::string("latest"));
    };
    save(name(generation), generation, size);
    if (steps && std::filesystem::exists(name(generation - 1)))
      io::discard_folder(name(generation - 1));
    if (announce) {
      std::string const line = std::to_string(generation) + "\n";
      if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return 1;
    }
  }
  return 0;
}

int run_check(Path const& folder) {
  io::FolderLock const lock(folder);
  long newest = -1;
  for (auto const& name : io::names_in(folder)) {
    if (name[0] == '.') continue;
    long const generation = load(folder / name);
    if (name != "latest" && name != "step_" + std::to_string(generation))
      throw Mixed(name + " holds generation " + std::to_string(generation));
    newest = std::max(newest, generation);
  }
  io::remove_leftovers(folder);
  std::cout << newest << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<std::string> const arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "check") return run_check(arguments[1]);
  if (arguments.size() >= 6 && arguments[0] == "save")
    return run_save(arguments[1], arguments[2] == "steps", std::stol(arguments[3]),
                    std::stol(arguments[4]), std::stoul(arguments[5]), arguments.size() > 6);
  return 2;
} catch (moenda::DataError const& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 3;
} catch (Mixed const& error) {
  std::fprintf(stderr, "MIXED: %s\n", error.what());
  return 1;
}
