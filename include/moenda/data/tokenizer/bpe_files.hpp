// SPDX-License-Identifier: Apache-2.0
#pragma once
// GPT-2's two vocabulary files: encoder.json, an object of token -> id with the bytes spelled in
// ByteAlphabet, and vocab.bpe, a line "#version: 0.2" and one merge "left right" a line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/tokenizer/bpe.hpp"
#include "moenda/data/tokenizer/byte_alphabet.hpp"
#include "moenda/files/atomic_file.hpp"
#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::data {

inline constexpr std::string_view encoder_file = "encoder.json";
inline constexpr std::string_view merges_file = "vocab.bpe";

/// Receives the events of the JSON parser for one flat object of numbers; anything else is refused
/// at once, so that nesting costs neither stack nor memory, and duplicate keys are seen.
class EncoderJson {
 public:
  explicit EncoderJson(std::string source) : source_(std::move(source)) {}
  std::vector<std::pair<std::string, std::uint64_t>> entries;  ///< spelled token, id

  bool start_object(std::size_t) {
    if (depth_++ > 0) refuse("an object");
    return true;
  }
  bool end_object() { return true; }
  bool key(std::string& name) {
    entries.emplace_back(std::move(name), 0);
    return true;
  }
  bool number_unsigned(std::uint64_t id) {
    if (depth_ == 0) refuse("a number");
    entries.back().second = id;
    return true;
  }
  bool number_integer(std::int64_t id) { return refuse(std::to_string(id)); }
  bool number_float(double, std::string const& text) { return refuse(text); }
  bool string(std::string const& text) { return refuse(io::quote(text)); }
  bool binary(std::vector<std::uint8_t> const&) { return refuse("binary data"); }
  bool null() { return refuse("null"); }
  bool boolean(bool) { return refuse("a truth value"); }
  bool start_array(std::size_t) { return refuse("an array"); }
  bool end_array() { return true; }
  bool parse_error(std::size_t position, std::string const&, nlohmann::json::exception const&) {
    throw DataError(source_ + ": must be JSON, byte " + std::to_string(position) +
                    " does not fit or the file ends too early");
  }

 private:
  bool refuse(std::string const& what) const {
    if (depth_ == 0)
      throw DataError(source_ + ": must be a JSON object of token -> id, is " + what);
    throw DataError(source_ + ": the id of token " +
                    (entries.empty() ? "''" : io::quote(entries.back().first)) +
                    " must be a whole number from 0 on, got " + what);
  }
  std::string source_;
  int depth_ = 0;
};

/// Token bytes by id from the text of encoder.json. Throws DataError unless the ids are
/// 0, 1, 2, ... each once. `source` names the file in messages.
[[nodiscard]] inline std::vector<std::string> parse_encoder(std::string_view text,
                                                            std::string const& source) {
  EncoderJson events(source);
  nlohmann::json::sax_parse(text.begin(), text.end(), &events);
  ByteAlphabet const alphabet;
  std::vector<std::string> tokens(events.entries.size());
  std::vector<bool> seen(tokens.size(), false);
  for (auto const& [name, id] : events.entries) {
    if (id >= tokens.size())
      throw DataError(source + ": the ids of " + std::to_string(tokens.size()) +
                      " tokens must be 0.." + std::to_string(tokens.size() - 1) +
                      " without holes, token " + io::quote(name) + " has " + std::to_string(id));
    if (seen[id])
      throw DataError(source + ": id " + std::to_string(id) + " is given twice, again for token " +
                      io::quote(name));
    auto bytes = alphabet.bytes(name);
    if (!bytes)
      throw DataError(source + ": token " + io::quote(name) +
                      " must be spelled in GPT-2's alphabet of 256 characters");
    seen[id] = true;
    tokens[id] = std::move(*bytes);
  }
  return tokens;
}

/// Merges as pairs of ids from the text of vocab.bpe. Throws DataError with the line.
inline void parse_merges(std::string_view text, BpeVocabulary& vocabulary) {
  ByteAlphabet const alphabet;
  TokenIndex const index = index_tokens(vocabulary);
  std::size_t line_number = 0;
  auto const refuse = [&](std::string const& why) {
    throw DataError(vocabulary.merges_source + ", line " + std::to_string(line_number) + ": " +
                    why);
  };
  auto const id_of = [&](std::string_view name) {
    auto const bytes = alphabet.bytes(name);
    auto const found = bytes ? index.find(*bytes) : index.end();
    if (found == index.end())
      refuse("a merge must join two tokens of " + vocabulary.tokens_source + ", " +
             io::quote(name) + " is none");
    return found->second;
  };
  vocabulary.first_merge_line = text.starts_with("#version:") ? 2 : 1;
  while (!text.empty()) {
    ++line_number;
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line_number < vocabulary.first_merge_line) continue;
    if (line.empty() && text.empty()) break;
    auto const blank = line.find(' ');
    if (blank == line.npos || line.find(' ', blank + 1) != line.npos)
      refuse("must be two tokens with one blank between them, got " + io::quote(line));
    vocabulary.merges.emplace_back(id_of(line.substr(0, blank)), id_of(line.substr(blank + 1)));
  }
}

/// Loads `encoder` (encoder.json) and `merges` (vocab.bpe). Whatever the files hold, the outcome
/// is a checked vocabulary or a DataError with file and place.
[[nodiscard]] inline Bpe load_bpe(std::filesystem::path const& encoder,
                                  std::filesystem::path const& merges) {
  BpeVocabulary vocabulary;
  vocabulary.tokens_source = encoder.string();
  vocabulary.merges_source = merges.string();
  vocabulary.tokens = parse_encoder(read_file(encoder), vocabulary.tokens_source);
  parse_merges(read_file(merges), vocabulary);
  return Bpe(std::move(vocabulary));
}

/// Writes encoder.json and vocab.bpe into `folder`, which is made if missing; each file appears
/// complete or not at all. Throws DataError.
inline void save_bpe(Bpe const& bpe, std::filesystem::path const& folder) {
  ByteAlphabet const alphabet;
  std::vector<std::string> names;
  for (auto const& token : bpe.vocabulary().tokens) names.push_back(alphabet.spell(token));
  std::string encoder = "{";
  for (std::size_t id = 0; id < names.size(); ++id) {
    encoder += (id == 0 ? "" : ", ") + nlohmann::json(names[id]).dump() + ": " + std::to_string(id);
  }
  encoder += "}\n";
  std::string merges = "#version: 0.2\n";
  for (auto const& [left, right] : bpe.vocabulary().merges) {
    merges += names[static_cast<std::size_t>(left)] + " " + names[static_cast<std::size_t>(right)];
    merges += '\n';
  }
  io::create_folders(folder);
  io::write_file_atomically(folder / encoder_file, encoder);
  io::write_file_atomically(folder / merges_file, merges);
}

}  // namespace moenda::data
