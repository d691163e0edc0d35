// SPDX-License-Identifier: Apache-2.0
// Ids of a whole file by a tokenizer.json, and its text back: how quick, and what they are.
//
// usage: tokenize_file FOLDER FILE IDS TEXT
//
// Writes the ids as int32 into IDS, the decoded text into TEXT, and prints
// "load_seconds encode_seconds decode_seconds ids". bench/peers/tokenizer_ids.py compares them.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string_view>

#include "moenda/files/read_file.hpp"
#include "moenda/import/hugging_face/tokenizer/tokenizer.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}
void write(char const* path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

int tokenize(char** names) {
  using moenda::hugging_face::Tokenizer;
  auto const text = moenda::data::read_file(names[2]);
  auto const begin = Clock::now();
  auto const tokenizer = Tokenizer::load(names[1]);
  auto const loaded = Clock::now();
  auto const ids = tokenizer.encode(text);
  auto const encoded = Clock::now();
  auto const decoded = tokenizer.decode(ids);
  auto const end = Clock::now();
  write(names[3], {reinterpret_cast<char const*>(ids.data()), ids.size() * sizeof(int)});
  write(names[4], decoded);
  std::printf("%.4f %.4f %.4f %zu\n", seconds(begin, loaded), seconds(loaded, encoded),
              seconds(encoded, end), ids.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: tokenize_file FOLDER FILE IDS TEXT\n", stderr);
    return 2;
  }
  try {
    return tokenize(argv);
  } catch (moenda::Error const& error) {
    std::fprintf(stderr, "tokenize_file: %s\n", error.what());
    return 3;
  }
}
