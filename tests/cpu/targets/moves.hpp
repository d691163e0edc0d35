// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels that move rows, or add rows up.
#include "rows.hpp"
#if MOENDA_HEADER_ONLY
#include "moenda/cpu/kernels/attention/rope.hpp"
#include "moenda/cpu/kernels/linear/embedding.hpp"
#include "moenda/cpu/kernels/routing/dispatch.hpp"
#include "moenda/cpu/kernels/routing/priority.hpp"
#include "moenda/cpu/kernels/sequence/mean_pool.hpp"
#include "moenda/cpu/kernels/sequence/padding.hpp"
#include "moenda/cpu/kernels/table/windows.hpp"
#endif

namespace targets {

inline void pooling(int cols) {
  constexpr int items = 3, item_rows = 4, all = items * item_rows;
  int const n = all * cols;
  Floats const x(n, 1, -1, 1), one(items * cols, 2, -1, 1);
  Floats y(items * cols), wide(n);
  for (Ints const& lengths : {Ints{}, Ints{4, 0, 2}, Ints{1, 9, 3}}) {
    int const* const at = lengths.empty() ? nullptr : lengths.data();
    auto const length = [&](auto i) {
      return lengths.empty() ? item_rows : std::min(item_rows, lengths[std::size_t(i)]);
    };
    auto const sum = [&](auto i) {
      return sum_over(length(i / cols),
                      [&](auto r) { return x[(i / cols * item_rows + r) * cols + i % cols]; });
    };
    auto const spread = [&](auto i, bool mean) {
      auto const row = i / cols, item = row / item_rows;
      if (row % item_rows >= length(item)) return 0.0;
      return one[item * cols + i % cols] / (mean ? length(item) : 1);
    };
    int const count = items * cols;
    cpu::mean_pool_forward(backend(), y.data(), x.data(), at, items, item_rows, cols);
    expect_each({"mean_pool_forward", cols}, y, count,
                [&](auto i) { return length(i / cols) == 0 ? 0 : sum(i) / length(i / cols); });
    cpu::repeat_rows_backward(backend(), y.data(), x.data(), at, items, item_rows, cols);
    expect_each({"repeat_rows_backward", cols}, y, count, sum);
    cpu::mean_pool_backward(backend(), wide.data(), one.data(), at, items, item_rows, cols);
    expect_each({"mean_pool_backward", cols}, wide, n, [&](auto i) { return spread(i, true); });
    cpu::repeat_rows_forward(backend(), wide.data(), one.data(), at, items, item_rows, cols);
    expect_each({"repeat_rows_forward", cols}, wide, n, [&](auto i) { return spread(i, false); });
    cpu::read_features(backend(), wide.data(), x.data(), at, items, item_rows, cols);
    expect_each(
        {"read_features", cols}, wide, n,
        [&](auto i) { return i / cols % item_rows < length(i / cols / item_rows) ? x[i] : 0; }, 0);
  }
}

inline void padding(int cols) {
  int const n = rows * cols;
  Floats const x(n, 1, -1, 1), factors(rows, 2, -1, 1), row(cols, 3, -1, 1);
  Floats y(n), sums(cols, 1.f);
  Ints const lengths{cols, cols / 2, 0}, picked{2, 2, 0};
  cpu::mark_present(backend(), y.data(), lengths.data(), rows, cols);
  expect_each(
      {"mark_present", cols}, y, n,
      [&](auto i) { return i % cols < lengths[std::size_t(i / cols)]; }, 0);
  Ints got(rows);
  cpu::gather_lengths(backend(), got.data(), lengths.data(), picked.data(), rows);
  expect({"gather_lengths", cols}, got, Ints{0, 0, cols}, 0);
  cpu::scale_rows(backend(), y.data(), x.data(), factors.data(), rows, cols);
  expect_each({"scale_rows", cols}, y, n, [&](auto i) { return factors[i / cols] * x[i]; });
  cpu::add_row_forward(backend(), y.data(), x.data(), row.data(), rows, cols);
  expect_each({"add_row_forward", cols}, y, n, [&](auto i) { return x[i] + row[i % cols]; });
  cpu::sum_of_rows(backend(), sums.data(), x.data(), rows, cols);
  expect_each({"sum_of_rows", cols}, sums, cols,
              [&](auto c) { return 1 + sum_over(rows, [&](auto r) { return x[r * cols + c]; }); });
  Ints const ids{1, 0, 1};
  auto const id = [&](auto r) { return ids[std::size_t(r)]; };
  cpu::embedding_forward(backend(), y.data(), x.data(), ids.data(), rows, cols);
  expect_each(
      {"embedding_forward", cols}, y, n, [&](auto i) { return x[id(i / cols) * cols + i % cols]; },
      0);
  Floats table(2 * cols, 1.f);
  cpu::embedding_backward(backend(), table.data(), x.data(), ids.data(), rows, cols, 2);
  expect_each({"embedding_backward", cols}, table, 2 * cols, [&](auto i) {
    return 1 + sum_over(rows, [&](auto r) {
             double const own = x[r * cols + i % cols];
             return id(r) == i / cols ? own : 0;
           });
  });
}

inline void rotation(int head_dim) {
  if (head_dim % 2 != 0) return;
  int const half = head_dim / 2, n = 4 * 2 * head_dim;  // 2 sequences of 2, 2 heads
  Floats const x(n, 1, -1, 1);
  for (int const sign : {1, -1}) {
    Floats y = x;
    cpu::rope_rotate(backend(), y.data(), 4, 2, head_dim, 2, 61, 10000.0, sign, nullptr);
    expect_each({"rope_rotate", head_dim}, y, n, [&](auto i) {
      auto const j = i % head_dim;
      auto const position = double(61 + i / (2 * head_dim) % 2);
      double const angle = sign * position * std::pow(1e4, -2.0 * double(j % half) / head_dim);
      double const other = j < half ? -x[i + half] : x[i - half];
      return x[i] * std::cos(angle) + other * std::sin(angle);
    });
    Floats scaled = x;
    std::vector<double> frequencies;
    for (int j = 0; j < half; ++j) frequencies.push_back(0.5 / (1 + j));
    cpu::rope_rotate_scaled(backend(), scaled.data(), frequencies.data(), 1.25, 4, 2, head_dim, 2,
                            61, sign, nullptr);
    expect_each({"rope_rotate_scaled", head_dim}, scaled, n, [&](auto i) {
      auto const j = i % head_dim;
      auto const position = double(61 + i / (2 * head_dim) % 2);
      double const angle = sign * position * frequencies[std::size_t(j % half)];
      double const other = j < half ? -x[i + half] : x[i - half];
      return 1.25 * (x[i] * std::cos(angle) + other * std::sin(angle));
    });
  }
}

inline void windows(int cols) {
  moenda::WindowRange const range{3, 5, 1, 3};  // windows 1, 2, 3 of 5
  constexpr int items = 3, count = 3;
  auto const at = [&](auto b, auto i) { return (b * 5 + 1 + i) * cols; };
  Floats const x(items * cols, 1, -1, 1), all(items * 5 * cols, 2, -1, 1), w(9, 3, -1, 1);
  Floats scores(9), y(items * cols), sums = all;
  Ints tokens(std::size_t(items * 5 * cols), 3);
  tokens[std::size_t(at(1, 2))] = 0;
  cpu::mark_windows(backend(), scores.data(), tokens.data(), cols, range);
  expect_each(
      {"mark_windows", cols}, scores, 9, [](auto i) { return i != 5; }, 0);
  cpu::score_windows(backend(), scores.data(), x.data(), all.data(), range, cols);
  expect_each({"score_windows", cols}, scores, 9, [&](auto i) {
    return sum_over(
        cols, [&](auto c) { return x[i / count * cols + c] * all[at(i / count, i % count) + c]; });
  });
  cpu::mix_windows(backend(), y.data(), w.data(), all.data(), range, cols);
  expect_each({"mix_windows", cols}, y, items * cols, [&](auto i) {
    auto const b = i / cols;
    return sum_over(count, [&](auto k) { return w[b * count + k] * all[at(b, k) + i % cols]; });
  });
  cpu::add_to_windows(backend(), sums.data(), w.data(), x.data(), range, cols);
  expect_each({"add_to_windows", cols}, sums, items * 5 * cols, [&](auto i) {
    auto const b = i / (5 * cols), k = i / cols % 5 - 1;
    double const more = k >= 0 && k < count ? w[b * count + k] * x[b * cols + i % cols] : 0;
    return all[i] + more;
  });
}

/// A plan of `experts` experts for 5 items, with and without a capacity, and what runs along it.
inline void plans(int experts) {
  constexpr int items = 5, block = 3;
  int const n = items * experts;
  Floats const weights(n, 1, 0, 1), x(items * block, 2, -1, 1);
  for (auto const& selected : masks(items, experts)) {
    for (int const capacity : {-1, 0, 2}) {
      Ints expert_of, item_of, bins{0}, dropped(std::size_t(experts), 0), counts = dropped;
      for (int e = 0; e < experts; ++e) {
        for (int i = 0; i < items; ++i) {
          if (!selected.taken(i * experts + e)) continue;
          ++counts[std::size_t(e)];
          if (capacity >= 0 && int(item_of.size()) - bins.back() == capacity) continue;
          item_of.push_back(i), expert_of.push_back(e);
        }
        bins.push_back(int(item_of.size()));
      }
      int const slots = bins.back();
      auto const room = std::size_t(n);
      Ints got_bins(std::size_t(experts) + 1), got_items(room), got_experts(room), begin(items + 1),
          slots_of(room), got_counts(std::size_t(experts), 9);
      Floats combine_weights(n);
      cpu::count_selected(backend(), got_counts.data(), selected.data(), items, experts);
      expect({"count_selected", experts, selected.name}, got_counts, counts, 0);
      cpu::make_plan(backend(), got_bins.data(), got_items.data(), got_experts.data(),
                     combine_weights.data(), begin.data(), slots_of.data(), selected.data(),
                     weights.data(), items, experts, capacity);
      got_items.resize(std::size_t(slots)), got_experts.resize(std::size_t(slots));
      expect({"make_plan, bins", experts, selected.name}, got_bins, bins, 0);
      expect({"make_plan, items", experts, selected.name}, got_items, item_of, 0);
      expect({"make_plan, experts", experts, selected.name}, got_experts, expert_of, 0);
      auto const weight = [&](auto s) {
        return weights[item_of[std::size_t(s)] * experts + expert_of[std::size_t(s)]];
      };
      Doubles used;
      for (int s = 0; s < slots; ++s) used.push_back(combine_weights[s]);
      expect_each({"make_plan, weights", experts, selected.name}, used, slots, weight, 0);

      Floats slots_x(n * block), y(items * block), dslots(n * block), dweights(n, 1.f);
      cpu::gather_items(backend(), slots_x.data(), x.data(), item_of.data(), slots, block);
      cpu::combine_items(backend(), y.data(), slots_x.data(), combine_weights.data(), begin.data(),
                         slots_of.data(), items, block);
      Doubles sum_of_item(items, 0), want(std::size_t(n), 1);
      for (int s = 0; s < slots; ++s) {
        auto const i = item_of[std::size_t(s)];
        sum_of_item[std::size_t(i)] += weight(s);
        want[std::size_t(i * experts + expert_of[std::size_t(s)])] +=
            sum_over(block, [&](auto c) { return x[i * block + c] * x[i * block + c]; });
      }
      expect_each({"combine_items", experts, selected.name}, y, items * block,
                  [&](auto i) { return sum_of_item[std::size_t(i / block)] * x[i]; });
      cpu::combine_items_backward(backend(), dslots.data(), dweights.data(), x.data(),
                                  slots_x.data(), combine_weights.data(), item_of.data(),
                                  expert_of.data(), slots, experts, block);
      expect({"combine_items_backward, weights", experts, selected.name}, dweights, want);
      Doubles got_dslots;
      for (int i = 0; i < slots * block; ++i) got_dslots.push_back(dslots[i]);
      expect_each({"combine_items_backward", experts, selected.name}, got_dslots, slots * block,
                  [&](auto i) {
                    auto const s = i / block;
                    return weight(s) * x[item_of[std::size_t(s)] * block + i % block];
                  });

      if (capacity >= 0) continue;
      Floats const priority(n, 7, 0, 1);
      Floats kept(n, 9.f);
      cpu::keep_within_capacity(backend(), kept.data(), bins.data(), item_of.data(),
                                priority.data(), items, experts, 2);
      Doubles stays(std::size_t(n), 0);
      for (int e = 0; e < experts; ++e) {
        int const first = bins[std::size_t(e)], count = bins[std::size_t(e) + 1] - first;
        auto const order = order_of(priority, first, 1, count);
        for (int i = 0; i < std::min(2, count); ++i) {
          stays[std::size_t(item_of[std::size_t(first + order[std::size_t(i)])] * experts + e)] = 1;
        }
      }
      expect({"keep_within_capacity", experts, selected.name}, kept, stays, 0);
    }
  }
}

/// Rows of `cols` scalars along a plan in which item 0 has two slots, item 1 none and item 2 one.
inline void dispatch(int cols) {
  Floats const x(rows * cols, 1, -1, 1), w(rows, 2, 0, 1), dy(rows * cols, 3, -1, 1);
  Floats slots(rows * cols), y(rows * cols), dslots(rows * cols), dweights(2 * rows, 1.f);
  Ints const item_of{0, 0, 2}, expert_of{0, 1, 1}, begin{0, 2, 2, 3}, slots_of{0, 1, 2};
  auto const item = [&](auto s) { return item_of[std::size_t(s)]; };
  cpu::gather_items(backend(), slots.data(), x.data(), item_of.data(), rows, cols);
  expect_each(
      {"gather_items", cols}, slots, rows * cols,
      [&](auto i) { return x[item(i / cols) * cols + i % cols]; }, 0);
  cpu::combine_items(backend(), y.data(), slots.data(), w.data(), begin.data(), slots_of.data(),
                     rows, cols);
  expect_each({"combine_items", cols}, y, rows * cols, [&](auto i) {
    return (i / cols == 0 ? w[0] + w[1] : i / cols == 1 ? 0 : w[2]) * x[i];
  });
  cpu::combine_items_backward(backend(), dslots.data(), dweights.data(), dy.data(), slots.data(),
                              w.data(), item_of.data(), expert_of.data(), rows, 2, cols);
  expect_each({"combine_items_backward", cols}, dslots, rows * cols,
              [&](auto i) { return w[i / cols] * dy[item(i / cols) * cols + i % cols]; });
  auto const dot = [&](int i) {
    return sum_over(cols, [&](auto c) { return dy[i * cols + c] * x[i * cols + c]; });
  };
  expect({"combine_items_backward, weights", cols}, dweights,
         Doubles{1 + dot(0), 1 + dot(0), 1, 1, 1, 1 + dot(2)});
}

}  // namespace targets
