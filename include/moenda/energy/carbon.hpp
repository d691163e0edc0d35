// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <optional>
#include <string_view>

#include "moenda/energy/power_model.hpp"

namespace moenda::energy {

/// Grams of CO2 equivalent per kilowatt-hour of a country's electricity.
struct Intensity {
  std::string_view country;
  double grams_per_kwh;
};
/// From the data of the Green Algorithms tool (version 3).
inline constexpr std::array intensities{Intensity{"world", 475},
                                        Intensity{"australia", 840},
                                        Intensity{"brazil", 61.7},
                                        Intensity{"china", 537.4},
                                        Intensity{"france", 51.28},
                                        Intensity{"germany", 338.66},
                                        Intensity{"india", 708.2},
                                        Intensity{"portugal", 201.55},
                                        Intensity{"spain", 171.03},
                                        Intensity{"switzerland", 11.52},
                                        Intensity{"united_kingdom", 231.12},
                                        Intensity{"united_states", 423.94}};

[[nodiscard]] constexpr std::optional<double> intensity_of(std::string_view country) {
  for (auto const& entry : intensities) {
    if (entry.country == country) return entry.grams_per_kwh;
  }
  return std::nullopt;
}

[[nodiscard]] constexpr double kwh_of(double joules) { return joules / 3.6e6; }

/// What a computation ran on, as Green Algorithms asks for it.
struct Machine {
  int cores = 1;
  double memory_gb = 0;  ///< available, not used
  double watts_per_core = PowerModel::watts_per_core;
  double usage = 1;  ///< of the cores, 0..1
  double pue = 1;    ///< power usage effectiveness: 1 at home, 1.56 in an average data centre
};

/// E = hours PUE (cores watts_per_core usage + memory 0.3725) / 1000, in kWh.
/// Lannelongue, Grealey & Inouye 2021, eq. 1. With usage 1 it is an upper estimate.
[[nodiscard]] constexpr double green_algorithms_kwh(double hours, Machine const& m) {
  return hours * m.pue *
         (m.cores * m.watts_per_core * m.usage + m.memory_gb * PowerModel::watts_per_gb) / 1000;
}

}  // namespace moenda::energy
