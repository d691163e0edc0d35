// SPDX-License-Identifier: Apache-2.0
#pragma once
// A checkpoint is a folder step_########/ with model.safetensors, optimizer.safetensors and
// state.json. It appears whole or not at all.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "moenda/cpu/levels/level.hpp"
#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/checkpoints.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/files/run_files.hpp"
#include "moenda/train/run_state.hpp"
#include "moenda/train/trainer.hpp"
#include "moenda/weights/safetensors/safetensors.hpp"

namespace moenda {

namespace detail {

template <class W>
[[nodiscard]] std::vector<std::uint64_t> shape_of(W const& weight) {
  if (weight.kind == WeightKind::gain || weight.kind == WeightKind::bias) {
    return {std::uint64_t(weight.cols)};
  }
  return {std::uint64_t(weight.rows), std::uint64_t(weight.cols)};
}
[[nodiscard]] inline std::string shape_text(std::vector<std::uint64_t> const& shape) {
  std::string text;
  for (auto const size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return text;
}
/// Adds every weight of `params`, its scalars taken from `flat`, as prefix + name.
template <class Params, class Scalar>
void add_tensors(io::SafetensorsWriter& writer, Params const& params, Scalar const* flat,
                 std::string const& prefix) {
  walk(params, [&](Path const& path, auto const& weight) {
    if (weight.size() > 0) writer.add(prefix + path.str(), shape_of(weight), flat);
    flat += weight.size();
  });
}
/// Reads what add_tensors wrote. Throws DataError when a tensor is missing, of another shape, or
/// when the file holds one that the model does not know.
template <class Params, class Scalar>
void read_tensors(io::SafetensorsFile const& file, std::filesystem::path const& path,
                  Params const& params, Scalar* flat, std::string const& prefix,
                  std::size_t& known) {
  walk(params, [&](Path const& at, auto const& weight) {
    if (weight.size() > 0) {
      auto const name = prefix + at.str();
      auto const* info = file.find(name);
      if (info == nullptr) throw DataError(path.string() + ": tensor '" + name + "' is missing");
      if (info->shape != shape_of(weight)) {
        throw DataError(path.string() + ": tensor '" + name + "' must have shape [" +
                        shape_text(shape_of(weight)) + "] as the configuration says, but has [" +
                        shape_text(info->shape) + "]");
      }
      file.read_as(name, flat, std::uint64_t(weight.size()));
      ++known;
    }
    flat += weight.size();
  });
}
template <class B, class Scalar>
[[nodiscard]] data::ContentHash hash_of(Array<B, Scalar> const& numbers) {
  data::ContentHash hash;
  hash.add(std::string_view(reinterpret_cast<char const*>(OnHost(numbers).data()),
                            numbers.size() * sizeof(Scalar)));
  return hash;
}
/// A file of doubles that is read into floats has no checksum to compare with.
template <class Scalar>
[[nodiscard]] std::string checksum_key() {
  return "checksum of " + std::to_string(8 * sizeof(Scalar)) + "-bit weights";
}
inline void require_all_known(io::SafetensorsFile const& file, std::filesystem::path const& path,
                              std::size_t known) {
  if (file.tensors().size() != known) {
    throw DataError(path.string() + ": the file holds " + std::to_string(file.tensors().size()) +
                    " tensors, but the configured model has " + std::to_string(known));
  }
}

}  // namespace detail

/// Throws DataError unless the weights in the file have the checksum that it names. Files of other
/// programs name none.
inline void require_saved_weights(io::SafetensorsFile const& file) {
  for (auto const& key : {detail::checksum_key<float>(), detail::checksum_key<double>()}) {
    auto const saved = file.metadata().find(key);
    if (saved == file.metadata().end() || saved->second == file.hash_of_data().hex()) continue;
    throw DataError(file.path().string() +
                    ": the file is damaged: its weights must have the checksum " + saved->second);
  }
}
/// Weights alone.
template <class Network>
void save_model(Network const& network, std::filesystem::path const& path) {
  network.require_plain("save_model");
  io::SafetensorsWriter writer;
  OnHost values(network.values);
  detail::add_tensors(writer, network.params, values.data(), "");
  writer.write(path, {{"format", "moenda"},
                      {detail::checksum_key<typename Network::Scalar>(),
                       detail::hash_of(network.values).hex()}});
}
/// Throws DataError unless the file holds exactly the weights of `network`, and those it was saved
/// with.
template <class Network>
void load_model(Network& network, std::filesystem::path const& path) {
  network.require_plain("load_model");
  io::SafetensorsFile const file(path);
  std::size_t known = 0;
  OnHost values(network.values);
  detail::read_tensors(file, path, network.params, values.data(), "", known);
  values.give_back();
  detail::require_all_known(file, path, known);
  auto const saved = file.metadata().find(detail::checksum_key<typename Network::Scalar>());
  if (saved != file.metadata().end() && saved->second != detail::hash_of(network.values).hex()) {
    throw DataError(path.string() + ": the file is damaged: its weights must have the checksum " +
                    saved->second);
  }
}

/// What RunState says of them.
template <class B>
[[nodiscard]] std::string kernels_of([[maybe_unused]] B const& backend) {
  if constexpr (requires { backend.level; }) return cpu::name_of(backend.level);
  return {};
}

/// What a damaged or exchanged file of a checkpoint would not have.
template <class Training, class Examples>
[[nodiscard]] std::uint64_t checksum_of(Training const& network,
                                        Trainer<Training, Examples> const& trainer) {
  data::ContentHash hash;
  for (auto const* part :
       {&network.values, &trainer.state.first_moment, &trainer.state.second_moment}) {
    hash.add(detail::hash_of(*part).value());
  }
  return hash.value();
}

/// The file of the weights of a checkpoint. Throws DataError unless its state is of the step that
/// the folder is named after, and the file names the weights of that state.
[[nodiscard]] inline std::filesystem::path weights_of(std::filesystem::path const& checkpoint) {
  auto const state = read_state(checkpoint / io::run_files::state);
  if (checkpoint_folder(checkpoint.parent_path(), state.step) != checkpoint) {
    throw DataError((checkpoint / io::run_files::state).string() +
                    ": step must be that of the folder, got " + std::to_string(state.step));
  }
  auto path = checkpoint / io::run_files::weights;
  io::require_own_file(path);
  io::SafetensorsFile const file(path);
  auto const& said = file.metadata();
  bool const is_known = std::any_of(said.begin(), said.end(), [&](auto const& entry) {
    return entry.second == state.weights && entry.first.starts_with("checksum of ");
  });
  if (!state.weights.empty() && !is_known) {
    throw DataError(path.string() + ": must hold the weights with the checksum " + state.weights +
                    ", which " + io::run_files::state + " names; these are others");
  }
  return path;
}

/// Saves below `folder` and removes all but the newest `keep` checkpoints. `logs`: see RunState.
/// Throws DataError, and ConfigError unless keep >= 1.
template <class Training, class Examples>
void save_checkpoint(std::filesystem::path const& folder, Training const& network,
                     Trainer<Training, Examples> const& trainer, Spent spent, int keep = 2,
                     std::string const& logs = {}) {
  require(keep >= 1, "save_checkpoint: keep must be at least 1", keep, 1);
  io::require_own_folder(folder);
  io::create_folders(folder);
  auto const final_folder = checkpoint_folder(folder, trainer.step_count());
  auto const temporary = io::start_folder(final_folder);
  save_model(network, temporary / io::run_files::weights);
  io::SafetensorsWriter moments;
  OnHost first(trainer.state.first_moment), second(trainer.state.second_moment);
  detail::add_tensors(moments, network.params, first.data(), "first_moment.");
  detail::add_tensors(moments, network.params, second.data(), "second_moment.");
  moments.write(temporary / io::run_files::moments, {{"format", "moenda"}});
  io::write_file_atomically(
      temporary / io::run_files::state,
      state_text({trainer.step_count(), trainer.state.step, spent, checksum_of(network, trainer),
                  kernels_of(network.backend), logs, detail::hash_of(network.values).hex()}));
  io::commit_folder(temporary, final_folder);
  auto const all = list_checkpoints(folder);
  for (std::size_t i = 0; i + std::size_t(keep) < all.size(); ++i) io::discard_folder(all[i]);
}

/// Continues from a checkpoint folder, and returns its state. Throws DataError; then network and
/// trainer are in no defined state.
template <class Training, class Examples>
RunState load_checkpoint(std::filesystem::path const& folder, Training& network,
                         Trainer<Training, Examples>& trainer) {
  io::require_own_folder(folder);
  // By name: libstdc++'s walk over a folder ends the program when memory runs out.
  for (auto const* name : {io::run_files::weights, io::run_files::moments}) {
    io::require_own_file(folder / name);
  }
  auto const state = read_state(folder / io::run_files::state);
  load_model(network, folder / io::run_files::weights);
  auto const path = folder / io::run_files::moments;
  io::SafetensorsFile const file(path);
  std::size_t known = 0;
  OnHost first(trainer.state.first_moment), second(trainer.state.second_moment);
  detail::read_tensors(file, path, network.params, first.data(), "first_moment.", known);
  detail::read_tensors(file, path, network.params, second.data(), "second_moment.", known);
  first.give_back();
  second.give_back();
  detail::require_all_known(file, path, known);
  if (checksum_of(network, trainer) != state.checksum) {
    throw DataError(folder.string() +
                    ": the checkpoint is damaged: weights and moments must have the checksum that "
                    "state.json names");
  }
  trainer.state.step = state.optimizer_step;
  trainer.set_step_count(state.step);
  return state;
}

}  // namespace moenda
