// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which points of a sweep set given keys to given values, without trying every point for each.
#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "runner/sweep/axes.hpp"

namespace moenda::runner {

/// One option of every axis.
using Point = std::vector<Option const*>;

/// Every key that the point sets.
inline Leaves settings_of(Point const& point) {
  Leaves settings;
  for (auto const* option : point) {
    for (auto const& setting : option->settings) {
      settings.splice(settings.end(), leaves_of(setting.key, *setting.value));
    }
  }
  return settings;
}
/// For every key and value the points that set the one to the other, in order. `title`: a label.
using Places = std::map<Leaves::value_type, std::vector<std::size_t>>;
inline Places places_of_leaves(std::vector<Point> const& points) {
  Places places;
  for (std::size_t i = 0; i < points.size(); ++i) {
    Leaves said = settings_of(points[i]);
    for (auto const* option : points[i]) said.emplace_back("title", option->label);
    for (auto& leaf : said) {
      auto& of_leaf = places[std::move(leaf)];
      if (of_leaf.empty() || of_leaf.back() != i) of_leaf.push_back(i);
    }
  }
  return places;
}
/// The points that set every key of `wanted` to its value: all `count` where it names none.
inline std::vector<std::size_t> points_with(Places const& places, Leaves const& wanted,
                                            std::size_t count) {
  std::vector<std::vector<std::size_t> const*> lists;
  for (auto const& leaf : wanted) {
    auto const of_leaf = places.find(leaf);
    if (of_leaf == places.end()) return {};
    lists.push_back(&of_leaf->second);
  }
  std::vector<std::size_t> found;
  if (lists.empty()) {
    found.resize(count);
    std::iota(found.begin(), found.end(), std::size_t{0});
    return found;
  }
  std::sort(lists.begin(), lists.end(),
            [](auto const* a, auto const* b) { return a->size() < b->size(); });
  for (auto const i : *lists.front()) {
    if (std::all_of(lists.begin() + 1, lists.end(), [&](auto const* list) {
          return std::binary_search(list->begin(), list->end(), i);
        })) {
      found.push_back(i);
    }
  }
  return found;
}

}  // namespace moenda::runner
