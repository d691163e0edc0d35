// SPDX-License-Identifier: Apache-2.0
#pragma once
// The words that generated tables are made of.
#include <array>
#include <span>
#include <string_view>

namespace moenda::data {

/// A kind of thing that a table can be about: what its rows are called, a column that groups them,
/// and the numbers that are kept of them.
struct Schema {
  std::string_view thing, group;
  std::array<std::string_view, 4> numbers;
};

/// Schemas for training, and others of which no word is in those: column names that a model trained
/// on the first has never seen.
[[nodiscard]] inline std::span<Schema const> schemas(bool unseen) {
  static constexpr std::array seen{
      Schema{"Player", "Team", {"Goals", "Matches", "Salary", "Age"}},
      Schema{"City", "State", {"Population", "Area", "Elevation", "Founded"}},
      Schema{"Book", "Author", {"Pages", "Price", "Copies", "Year"}},
      Schema{"Country", "Continent", {"Medals", "Athletes", "Budget", "Rank"}},
      Schema{"Product", "Brand", {"Units", "Weight", "Rating", "Discount"}},
      Schema{"Ship", "Fleet", {"Length", "Crew", "Speed", "Tonnage"}},
      Schema{"Student", "Class", {"Score", "Absences", "Credits", "Height"}},
      Schema{"Film", "Studio", {"Minutes", "Awards", "Gross", "Votes"}}};
  static constexpr std::array others{
      Schema{"Farm", "District", {"Hectares", "Cattle", "Tractors", "Harvest"}},
      Schema{"Server", "Cluster", {"Requests", "Latency", "Memory", "Uptime"}},
      Schema{"Hospital", "Province", {"Beds", "Nurses", "Surgeries", "Patients"}},
      Schema{"Bridge", "River", {"Span", "Lanes", "Towers", "Cost"}}};
  return unseen ? std::span<Schema const>(others) : std::span<Schema const>(seen);
}

/// Names are a first and a last part; groups are one word.
inline constexpr std::array<std::string_view, 24> first_names{
    "North", "Silver", "Amber", "Grand", "Little", "Iron",  "Golden", "Crystal",
    "Misty", "Royal",  "Bold",  "Quiet", "Velvet", "Stone", "Lucky",  "Hidden",
    "Brave", "Cedar",  "Coral", "Dusty", "Early",  "Frost", "Giant",  "Happy"};
inline constexpr std::array<std::string_view, 24> last_names{
    "Falcon", "Harbor", "Meadow", "Anchor", "Beacon", "Canyon", "Dolphin", "Ember",
    "Forest", "Garnet", "Heron",  "Island", "Jasper", "Kettle", "Lantern", "Maple",
    "Nectar", "Orchid", "Pepper", "Quartz", "Raven",  "Saddle", "Timber",  "Walnut"};
inline constexpr std::array<std::string_view, 12> group_names{
    "Alpha", "Borealis", "Cobalt", "Delta", "Echo",    "Fjord",
    "Gamma", "Helix",    "Indigo", "Jade",  "Kestrel", "Lotus"};

/// Phrasings of each operation, in the order of expert::tab::Operation. # is the column of numbers,
/// * the thing, $ the condition (or nothing), @ one row's name, and & another's; a first < or >
/// says which direction the phrasing asks for, and a second letter v that the value itself is asked
/// for.
[[nodiscard]] inline std::span<std::string_view const> phrasings(int operation) {
  static constexpr std::array<std::string_view, 5> lookup{
      "what is the # of @", "how many # does @ have", "tell me the # for @", "@ has which #",
      "give the # that @ has"};
  static constexpr std::array<std::string_view, 5> count{
      "how many * are there $", "count every * $", "what is the number of * $",
      "how often is there a * $", "how many * can be found $"};
  static constexpr std::array<std::string_view, 5> sum{
      "what is the total # $", "how many # are there altogether $", "add up the # $",
      "what is the sum of # $", "how many # in total $"};
  static constexpr std::array<std::string_view, 5> average{
      "what is the average # $", "what # does a typical * have $", "what is the mean # $",
      "on average how many # are there $", "how many # per * $"};
  static constexpr std::array<std::string_view, 10> extremum{">vwhat is the highest # $",
                                                             "<vwhat is the lowest # $",
                                                             ">vwhat is the largest # $",
                                                             "<vwhat is the smallest # $",
                                                             "> which * has the most # $",
                                                             "< which * has the least # $",
                                                             "> name the * with the highest # $",
                                                             "< name the * with the lowest # $",
                                                             "> which * leads in # $",
                                                             "< which * comes last in # $"};
  static constexpr std::array<std::string_view, 6> comparison{
      "> who has more # @ or &",
      "< who has less # @ or &",
      "> which is higher in # @ or &",
      "< which is lower in # @ or &",
      "> is it @ or & that has the higher #",
      "< is it @ or & that has the lower #"};
  switch (operation) {
    case 0:
      return lookup;
    case 1:
      return count;
    case 2:
      return sum;
    case 3:
      return average;
    case 4:
      return extremum;
    default:
      return comparison;
  }
}

/// How a condition is said; # is its column and @ its value. First those on a group, then those on
/// numbers with the kind they mean.
inline constexpr std::array<std::string_view, 4> group_phrasings{"where # is @", "with # @",
                                                                 "for # @", "of # @"};
inline constexpr std::array<std::string_view, 10> number_phrasings{
    ">where # is above @",  ">with more than @ #", ">with # over @",     "<where # is below @",
    "<with fewer than @ #", "<with # under @",     "gwith at least @ #", "lwith at most @ #",
    "=where # is @",        "=with exactly @ #"};

}  // namespace moenda::data
