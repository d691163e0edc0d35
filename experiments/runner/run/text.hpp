// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "moenda/data/text/split.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"
#include "runner/run/config.hpp"

namespace moenda::runner {

/// The files or folders that `entry` names: as it stands if it exists, else below $MOENDA_DATA,
/// else below data/. A last part that ends in '*' takes every match ("pt-*"). Throws DataError.
std::vector<std::filesystem::path> find_data(std::string const& entry);

/// The tokenizer of a configuration. A trained one is learnt once and kept below `cache`.
data::Tokenizer make_tokenizer(RunConfig const& config, std::filesystem::path const& cache);

/// The tokens of the corpus, split. They are encoded once and kept below `cache`.
data::Splits make_splits(RunConfig const& config, data::Tokenizer const& tokenizer,
                         std::filesystem::path const& cache, ThreadPool& pool);

/// Changes when any token of any split does.
std::string fingerprint_of(data::Splits const& splits);

}  // namespace moenda::runner
