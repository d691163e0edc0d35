// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "moenda/record/csv.hpp"

namespace moenda::runner {

/// Adds rows to a file of the run folder; a row is on disk before the next step begins.
class RowFile {
 public:
  RowFile(std::filesystem::path path, std::string_view header, std::int64_t steps_done)
      : path_(std::move(path)) {
    bool const resume = steps_done > 0 && std::filesystem::exists(path_);
    if (resume) io::keep_rows_until(path_, std::uint64_t(steps_done));
    stream_.open(path_, resume ? std::ios::app : std::ios::trunc);
    if (!resume) add(std::string(header) + "\n");
  }
  void add(std::string const& rows) {
    stream_ << rows << std::flush;
    if (!stream_) throw DataError(path_.string() + ": the file cannot be written");
  }

 private:
  std::filesystem::path path_;
  std::ofstream stream_;
};

}  // namespace moenda::runner
