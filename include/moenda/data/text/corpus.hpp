// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/fields.hpp"
#include "moenda/data/text/text_pieces.hpp"
#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/content_hash.hpp"

namespace moenda::data {

/// Where training, validation and test text come from: whole documents, or the first, middle and
/// last part of everything in a row.
enum class SplitBy { document, position };
constexpr auto enum_names(SplitBy) { return std::array{"document", "position"}; }

/// Which texts make the corpus and how it is split.
struct CorpusConfig {
  std::vector<std::string> paths =
      {};                      ///< folders of *.txt, searched to any depth, or single files
  std::int64_t max_bytes = 0;  ///< stop after so many bytes of text; 0: no limit
  SplitBy split = SplitBy::document;
  double train_fraction = 0.8, valid_fraction = 0.1, test_fraction = 0.1;  ///< of the tokens
  std::uint64_t seed = 1;  ///< decides which documents go where
  MOENDA_FIELDS(CorpusConfig, paths, max_bytes, split, train_fraction, valid_fraction,
                test_fraction, seed);
};

/// A text of the corpus before it is read.
struct SourceFile {
  std::filesystem::path path;
  std::string name;           ///< path below the folder it was found in
  std::uint64_t size = 0;     ///< bytes
  std::int64_t modified = 0;  ///< ticks of the file clock
};

struct Document {
  std::string name;
  std::string text;  ///< valid UTF-8 without a byte order mark
};

/// Files that describe a folder and are not part of its texts.
inline constexpr std::array<std::string_view, 4> not_corpus_files{"SOURCE.txt", "README.txt",
                                                                  "LICENSE.txt", "NOTICE.txt"};

/// What to do about a corpus that is absent.
inline constexpr char const* corpus_advice =
    "set the environment variable MOENDA_DATA to a folder of texts, or fetch some with "
    "tools/get_data pt";

/// Size and time of the regular file `path`; `name` as in SourceFile.
[[nodiscard]] inline SourceFile examine_source(std::filesystem::path const& path,
                                               std::string name) {
  std::error_code error;
  auto const size = std::filesystem::file_size(path, error);
  if (error) throw DataError(path.string() + ": cannot examine (" + error.message() + ")");
  auto const time = std::filesystem::last_write_time(path, error);
  if (error) throw DataError(path.string() + ": cannot examine (" + error.message() + ")");
  return {path, std::move(name), size, static_cast<std::int64_t>(time.time_since_epoch().count())};
}

/// Appends the *.txt files below `folder`, sorted by name. Throws DataError if there are none.
inline void list_folder(std::filesystem::path const& folder, std::vector<SourceFile>& sources) {
  std::vector<SourceFile> found;
  for (auto const& path : io::list_folder(folder, true)) {
    std::error_code ignored;  // a file that vanished or a broken link is no text
    auto const file = path.filename().string();
    bool const described =
        std::find(not_corpus_files.begin(), not_corpus_files.end(), file) != not_corpus_files.end();
    if (path.extension() != ".txt" || described ||
        !std::filesystem::is_regular_file(path, ignored)) {
      continue;
    }
    found.push_back(examine_source(path, path.lexically_relative(folder).string()));
  }
  if (found.empty())
    throw DataError(folder.string() + ": must hold at least one *.txt file; " + corpus_advice);
  std::sort(found.begin(), found.end(),
            [](SourceFile const& a, SourceFile const& b) { return a.name < b.name; });
  sources.insert(sources.end(), found.begin(), found.end());
}

/// The files of a corpus: paths in the order given, each folder sorted by name. Throws ConfigError
/// for a bad configuration, DataError for a path that is missing or holds no text.
[[nodiscard]] inline std::vector<SourceFile> list_corpus(CorpusConfig const& config) {
  if (config.paths.empty())
    throw ConfigError(std::string("CorpusConfig: paths must name a folder or file; ") +
                      corpus_advice);
  if (config.max_bytes < 0)
    throw ConfigError("CorpusConfig: max_bytes must be 0 (no limit) or more, got " +
                      std::to_string(config.max_bytes));
  std::vector<SourceFile> sources;
  for (std::filesystem::path const path : config.paths) {
    std::error_code error;
    auto const status = std::filesystem::status(path, error);
    if (std::filesystem::is_directory(status)) {
      list_folder(path, sources);
    } else if (std::filesystem::is_regular_file(status)) {
      sources.push_back(examine_source(path, path.filename().string()));
    } else {
      throw DataError(path.string() + ": must be a folder of *.txt files or one text file" +
                      (std::filesystem::exists(status) ? "" : ", does not exist") + "; " +
                      corpus_advice);
    }
  }
  return sources;
}

/// Reads a text, at most `max_bytes` of it, as TextPieces does. Throws DataError.
[[nodiscard]] inline Document read_document(SourceFile const& source, std::uint64_t max_bytes) {
  TextPieces pieces(source.path, max_bytes);
  Document document{source.name, ""};
  for (std::string piece; pieces.next(piece);) document.text += piece;
  return document;
}

/// Reads the texts in order until max_bytes are reached; the last one may be cut short.
[[nodiscard]] inline std::vector<Document> read_corpus(std::vector<SourceFile> const& sources,
                                                       std::int64_t max_bytes = 0) {
  auto left = max_bytes > 0 ? static_cast<std::uint64_t>(max_bytes) : UINT64_MAX;
  std::vector<Document> documents;
  for (auto const& source : sources) {
    if (left == 0) break;
    documents.push_back(read_document(source, left));
    left -= std::min(left, source.size);
  }
  return documents;
}

/// Changes when a file is added, removed, renamed or written, or the limit changes. Does not read
/// the files.
[[nodiscard]] inline std::string corpus_fingerprint(std::vector<SourceFile> const& sources,
                                                    std::int64_t max_bytes) {
  ContentHash hash;
  hash.add(static_cast<std::uint64_t>(max_bytes));
  for (auto const& source : sources) {
    hash.add(source.name).add(source.size).add(static_cast<std::uint64_t>(source.modified));
  }
  return "corpus-" + std::to_string(sources.size()) + "-" + hash.hex();
}

}  // namespace moenda::data
