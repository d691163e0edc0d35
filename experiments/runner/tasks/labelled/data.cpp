// SPDX-License-Identifier: Apache-2.0
#include "runner/tasks/labelled/data.hpp"

#include <algorithm>

#include "moenda/data/sequence/time_series.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/utf8.hpp"
#include "runner/run/text.hpp"

namespace moenda::runner {

namespace {

using data::LabelledSequences;

SharedSequences shared(LabelledSequences sequences) {
  return std::make_shared<LabelledSequences const>(std::move(sequences));
}
std::string found(std::string const& entry) {
  return entry.empty() ? entry : find_data(entry).front().string();
}

LabelledSplits load_table(data::TabularSetConfig config, bool classifies) {
  if ((config.table.target_kind == data::TargetKind::classes) != classifies) {
    throw ConfigError("data.table.table.target_kind must be " +
                      std::string(classifies ? "classes" : "number") + " for this task");
  }
  for (auto& path : config.table.paths) path = found(path);
  config.test_path = found(config.test_path);
  auto set = data::load_tabular_set(config);
  LabelledSplits splits;
  splits.standard = set.encoder.target_standard();
  splits.train = shared(std::move(set.train));
  splits.valid = shared(std::move(set.valid));
  splits.test = shared(std::move(set.test));
  splits.encoder = std::move(set.encoder);
  return splits;
}

/// Reads the files that are named, and splits off what has none. `read(path, known classes)`.
template <class Read>
LabelledSplits load_files(LabelledFilesConfig const& config, Read read) {
  auto train = read(found(config.train), std::vector<std::string>{});
  auto const names = train.class_names;
  if (names.size() == 1) {
    throw DataError(config.train + ": there must be at least two classes, got only " +
                    io::quote(names.front()));
  }
  auto const part = [&](std::string const& file, double fraction, std::uint64_t stream) {
    if (!file.empty()) return read(found(file), names);
    auto [rest, cut] = data::split_off(train, fraction, config.seed + stream);
    train = std::move(rest);
    return std::move(cut);
  };
  auto test = part(config.test, config.test_fraction, 0);
  auto valid = part(config.valid, config.valid_fraction, 1);
  LabelledSplits splits;
  splits.train = shared(std::move(train));
  splits.valid = shared(std::move(valid));
  splits.test = shared(std::move(test));
  return splits;
}
LabelledSplits load_texts(LabelledDataConfig const& config, std::filesystem::path const& cache) {
  RunConfig corpus;  // the tokenizer learns as that of a language model does
  corpus.tokenizer = config.tokenizer;
  corpus.data.paths = {found(config.files.train)};
  auto const tokenizer = make_tokenizer(corpus, cache);
  auto splits = load_files(config.files, [&](std::string const& path, auto const& known) {
    return data::read_labelled_text(path, config.files.format, tokenizer, known);
  });
  splits.vocab_size = tokenizer.vocab_size();
  return splits;
}
LabelledSplits load_series(LabelledFilesConfig const& config) {
  return load_files(config, [](std::string const& path, auto const& known) {
    return path.ends_with(".ts") ? data::read_ts(path, known)
                                 : data::read_sequence_lines(path, known);
  });
}
LabelledSplits generate(GeneratedSplitsConfig const& config) {
  auto all = config.train;
  all.count += config.valid + config.test;
  auto const sequences = data::generate_sequences(all);
  std::int64_t next = 0;
  auto const take = [&](std::int64_t count) {
    std::vector<std::int64_t> chosen(static_cast<std::size_t>(count));
    for (auto& i : chosen) i = next++;
    return shared(data::select(sequences, chosen));
  };
  LabelledSplits splits;
  splits.train = take(config.train.count);
  splits.valid = take(config.valid);
  splits.test = take(config.test);
  splits.vocab_size = config.train.vocab_size;
  return splits;
}

/// Values with the mean 0 and the deviation 1 of the training part.
void standardise(LabelledSplits& splits) {
  std::vector<double> const values(splits.train->values.begin(), splits.train->values.end());
  std::vector<std::int64_t> rows(values.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = std::int64_t(i);
  splits.standard = data::standard_of(values, rows);
  if (splits.standard.deviation == 0) splits.standard.deviation = 1;
  for (auto* part : {&splits.train, &splits.valid, &splits.test}) {
    auto sequences = **part;
    for (float& value : sequences.values) value = float(splits.standard.of(double(value)));
    *part = shared(std::move(sequences));
  }
}

template <class T>
void add_to(data::ContentHash& hash, std::vector<T> const& numbers) {
  hash.add(
      std::string_view(reinterpret_cast<char const*>(numbers.data()), numbers.size() * sizeof(T)));
}
std::string fingerprint_of(LabelledSplits const& splits) {
  data::ContentHash hash;
  for (auto const& part : {splits.train, splits.valid, splits.test}) {
    add_to(hash, part->tokens);
    add_to(hash, part->features);
    add_to(hash, part->offsets);
    add_to(hash, part->labels);
    add_to(hash, part->values);
  }
  return hash.hex();
}

LabelledSplits load(LabelledDataConfig const& config, bool classifies,
                    std::filesystem::path const& cache) {
  switch (config.kind) {
    case LabelledKind::table:
      return load_table(config.table, classifies);
    case LabelledKind::text:
      return load_texts(config, cache);
    case LabelledKind::series:
      return load_series(config.files);
    case LabelledKind::generated:
      return generate(config.generated);
  }
  return {};
}

/// A loss over nothing would read as perfect, or as no number.
void require_rows(LabelledSplits const& splits, LabelledDataConfig const& config) {
  auto const& files = config.files;
  auto const& table = config.table;
  bool const is_table = config.kind == LabelledKind::table;
  bool const is_generated = config.kind == LabelledKind::generated;
  auto const require = [&](char const* part, SharedSequences const& rows, std::string const& file,
                           double fraction) {
    bool const wanted = !is_generated && (!file.empty() || fraction > 0);
    if (rows->count() > 0 || !wanted) return;
    throw DataError(
        "data: the " + std::string(part) + " split must hold at least one " +
        (is_table ? "row" : "sequence") + ", got none of " +
        std::to_string(splits.train->count() + splits.valid->count() + splits.test->count()) +
        "; give more, or set data." + (is_table ? "table.split." : "files.") + part +
        "_fraction = 0");
  };
  if (is_table) {
    require("test", splits.test, table.test_path, table.split.test_fraction);
    require("valid", splits.valid, "", table.split.valid_fraction);
  } else {
    require("test", splits.test, files.test, files.test_fraction);
    require("valid", splits.valid, files.valid, files.valid_fraction);
  }
}

void check_generated(GeneratedSplitsConfig const& config, Problems& problems) {
  constexpr std::int64_t most = 10'000'000;
  problems.in("train", [&] { data::check(config.train, problems); });
  for (auto const& [key, count] :
       {std::pair("valid", config.valid), std::pair("test", config.test)}) {
    problems.expect(count >= 0 && count <= most, key, "in 0..10000000", count);
  }
}
void check_files(LabelledFilesConfig const& config, Problems& problems) {
  problems.expect(!config.train.empty(), "train", "a file", "none");
  for (auto const& [key, fraction] : {std::pair("valid_fraction", config.valid_fraction),
                                      std::pair("test_fraction", config.test_fraction)}) {
    problems.expect(fraction >= 0 && fraction < 1, key, "at least 0 and below 1", fraction);
  }
}

}  // namespace

void check_labelled_data(LabelledDataConfig const& config, Problems& problems) {
  if (config.kind == LabelledKind::table) {
    problems.expect(!config.table.table.paths.empty(), "table.table.paths", "at least one file",
                    "none");
  } else if (config.kind == LabelledKind::generated) {
    problems.in("generated", [&] { check_generated(config.generated, problems); });
  } else {
    problems.in("files", [&] { check_files(config.files, problems); });
    problems.in("tokenizer", [&] { check_tokenizer(config.tokenizer, problems); });
  }
}

LabelledSplits load_labelled(LabelledDataConfig const& config, bool classifies,
                             std::filesystem::path const& cache) {
  auto splits = load(config, classifies, cache);
  bool const has_classes = !splits.train->labels.empty();
  if (classifies != has_classes) {
    throw ConfigError(std::string("data: ") + (classifies ? "classification" : "regression") +
                      " needs sequences with " + (classifies ? "classes" : "values"));
  }
  require_rows(splits, config);
  if (!classifies && config.kind != LabelledKind::table) standardise(splits);
  splits.fingerprint = fingerprint_of(splits);
  return splits;
}

}  // namespace moenda::runner
