// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "moenda/files/content_hash.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/record/csv.hpp"

namespace moenda::runner {

/// Adds rows to a file of the run folder; a row is on disk before the next step begins.
class RowFile {
 public:
  RowFile(std::filesystem::path const& path, std::string_view header, std::int64_t steps_done)
      : RowFile(path, header, keep_rows(path, steps_done)) {}
  void add(std::string const& rows) {
    file_.write(rows.data(), rows.size());
    io::add_lines(hash_, rows);
  }
  /// Of its lines so far.
  [[nodiscard]] std::string hash() const { return hash_.hex(); }
  /// When the last row is written: the rows survive a power cut. Throws DataError where they do
  /// not.
  void close() {
    file_.sync();
    file_.close();
  }

 private:
  using Hash = data::ContentHash;

  /// The hash of the lines that are kept; none when the file must begin anew.
  static std::optional<Hash> keep_rows(std::filesystem::path const& path, std::int64_t steps_done) {
    if (steps_done == 0 || !io::is_there(path)) return std::nullopt;
    auto const kept = io::keep_rows_until(path, std::uint64_t(steps_done));
    // A header alone that was cut short is gone, too.
    return std::filesystem::file_size(path) == 0 ? std::nullopt : std::optional(kept);
  }
  RowFile(std::filesystem::path const& path, std::string_view header, std::optional<Hash> kept)
      : file_(io::open_own_file(path, O_WRONLY | O_CREAT | O_APPEND, "write")),
        hash_(kept.value_or(Hash())) {
    if (kept) return;
    file_.truncate();
    add(std::string(header) + "\n");
  }

  io::FileDescriptor file_;
  Hash hash_;
};

}  // namespace moenda::runner
