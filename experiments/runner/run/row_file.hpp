// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "moenda/files/own_files.hpp"
#include "moenda/record/csv.hpp"

namespace moenda::runner {

/// Adds rows to a file of the run folder; a row is on disk before the next step begins.
class RowFile {
 public:
  RowFile(std::filesystem::path const& path, std::string_view header, std::int64_t steps_done)
      : RowFile(path, header, keep_rows(path, steps_done)) {}
  void add(std::string const& rows) { file_.write(rows.data(), rows.size()); }
  /// When the last row is written: the rows survive a power cut. Throws DataError where they do
  /// not.
  void close() {
    file_.sync();
    file_.close();
  }

 private:
  /// False when the file must begin anew.
  static bool keep_rows(std::filesystem::path const& path, std::int64_t steps_done) {
    if (steps_done == 0 || !io::is_there(path)) return false;
    io::keep_rows_until(path, std::uint64_t(steps_done));
    return true;
  }
  RowFile(std::filesystem::path const& path, std::string_view header, bool goes_on)
      : file_(io::open_own_file(path, O_WRONLY | O_CREAT | O_APPEND, "write")) {
    if (goes_on) return;
    file_.truncate();
    add(std::string(header) + "\n");
  }

  io::FileDescriptor file_;
};

}  // namespace moenda::runner
