// SPDX-License-Identifier: Apache-2.0
#include "runner/tasks/hugging_face/id_lists.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>

#include "moenda/weights/safetensors/writer.hpp"
#include "runner/run/token_ids.hpp"

namespace moenda::runner {

std::vector<std::vector<int>> read_id_lists(std::filesystem::path const& path) {
  auto const all = read_token_ids(path);
  auto const file = io::sanitize_utf8(path.string()) + ":";
  if (!all.is_array()) refuse_ids(file, "must be a list of lists of ids", all);
  std::vector<std::vector<int>> lists;
  for (auto const& list : all) {
    lists.push_back(ids_of(list, file + " list " + std::to_string(lists.size())));
  }
  return lists;
}

void write_logits(std::filesystem::path const& file, std::vector<std::vector<int>> const& lists,
                  int vocab_size,
                  std::function<std::vector<float>(std::span<int const>)> const& logits_of) {
  io::SafetensorsWriter writer;  // one list at a time: logits of many may be large
  for (std::size_t i = 0; i < lists.size(); ++i) {
    writer.add_later("logits." + std::to_string(i), io::Dtype::F32,
                     {lists[i].size(), std::uint64_t(vocab_size)});
  }
  std::size_t list = 0;
  writer.write(file, {}, [&](io::TensorInfo const&, std::span<std::byte> room) {
    auto const logits = logits_of(lists[list]);
    if (!std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); })) {
      throw NumericError("logits: those of list " + std::to_string(list) +
                         " are not all finite numbers; nothing was written");
    }
    ++list;
    if (!logits.empty()) std::memcpy(room.data(), logits.data(), room.size());
  });
}

}  // namespace moenda::runner
