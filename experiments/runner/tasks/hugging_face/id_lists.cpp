// SPDX-License-Identifier: Apache-2.0
#include "runner/tasks/hugging_face/id_lists.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "moenda/files/read_file.hpp"
#include "moenda/files/text.hpp"
#include "moenda/weights/safetensors/writer.hpp"

namespace moenda::runner {

namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{256} << 20;

[[noreturn]] void refuse(std::filesystem::path const& file, std::string const& where,
                         nlohmann::json const& got) {
  throw DataError(
      file.string() + ": " + where + ", got " +
      io::shorten(got.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 80));
}

}  // namespace

std::vector<std::vector<int>> read_id_lists(std::filesystem::path const& file) {
  auto const text = data::read_file(file, most_bytes + 1);
  if (text.size() > most_bytes) throw DataError(file.string() + ": must have at most 256 MB");
  auto const all = nlohmann::json::parse(text, nullptr, false);
  if (all.is_discarded()) throw DataError(file.string() + ": must be JSON, a list of lists of ids");
  if (!all.is_array()) refuse(file, "must be a list of lists of ids", all);
  std::vector<std::vector<int>> lists;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto const where = "list " + std::to_string(i);
    if (!all[i].is_array()) refuse(file, where + " must be a list of ids", all[i]);
    auto& ids = lists.emplace_back();
    for (auto const& id : all[i]) {
      bool const fits = id.is_number_integer() && id >= 0 && id <= std::numeric_limits<int>::max();
      if (!fits) refuse(file, where + " must hold ids, whole numbers from 0 on", id);
      ids.push_back(id.get<int>());
    }
  }
  return lists;
}

void write_logits(std::filesystem::path const& file, std::vector<std::vector<int>> const& lists,
                  int vocab_size,
                  std::function<std::vector<float>(std::span<int const>)> const& logits_of) {
  std::vector<std::vector<float>> all;
  all.reserve(lists.size());
  for (auto const& ids : lists) all.push_back(logits_of(ids));
  io::SafetensorsWriter writer;
  for (std::size_t i = 0; i < all.size(); ++i) {
    writer.add("logits." + std::to_string(i), {lists[i].size(), std::uint64_t(vocab_size)},
               all[i].data());
  }
  writer.write(file);
}

}  // namespace moenda::runner
