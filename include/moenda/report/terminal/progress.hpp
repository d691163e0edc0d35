// SPDX-License-Identifier: Apache-2.0
#pragma once
// One line on stderr that says how far a long job is.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#if __has_include(<sys/ioctl.h>) && __has_include(<unistd.h>)
#include <sys/ioctl.h>
#include <unistd.h>
#define MOENDA_HAS_TERMINAL_SIZE 1
#else
#define MOENDA_HAS_TERMINAL_SIZE 0
#endif

#include "moenda/files/text.hpp"
#include "moenda/report/terminal/printable_stream.hpp"
#include "moenda/report/terminal/table.hpp"

namespace moenda::io {

/// Where a Progress writes and what time it is: replaced in tests.
struct ProgressEnvironment {
  std::ostream* stream = &std::cerr;
  std::function<double()> seconds = [] {  // any origin, never falling
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
#if MOENDA_HAS_TERMINAL_SIZE
  bool terminal = ::isatty(STDERR_FILENO) != 0;
  std::function<std::size_t()> columns = [] {
    ::winsize size{};
    bool const known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? std::size_t{size.ws_col} : std::size_t{80};
  };
#else
  bool terminal = false;
  std::function<std::size_t()> columns = [] { return std::size_t{80}; };
#endif
};

/// A progress line: "train  42% [########------------] 420/1000  35.1/s  ETA 0:16  loss 4.12".
/// On a terminal it is redrawn at most ten times a second; elsewhere (a log file) it is a plain
/// line about every ten seconds. Work that ends within two seconds prints nothing. Use it from one
/// thread.
class Progress {
 public:
  /// `total` 0 means unknown: no percentage and no ETA. `start` is what was already done before
  /// (a resumed run), so that the rate counts only the work of this process.
  explicit Progress(std::string_view label, std::uint64_t total, std::uint64_t start = 0,
                    ProgressEnvironment environment = {})
      : label_(single_line(label)),
        total_(total),
        start_(start),
        done_(start),
        environment_(std::move(environment)),
        began_(environment_.seconds()),
        printed_(began_) {}

  Progress(Progress const&) = delete;
  Progress& operator=(Progress const&) = delete;

  /// Leaves a clean line also when an exception ends the work.
  ~Progress() {
    try {
      if (line_open_) *environment_.stream << '\n' << std::flush;
    } catch (...) {  // a stream that throws has nowhere to report to
    }
  }

  /// Says that `done` of `total` is done; `extra` is shown at the end ("loss 4.12"). Cheap when
  /// nothing is due: one look at the clock.
  void update(std::uint64_t done, std::string_view extra = {}) {
    done_ = done;
    double const now = environment_.seconds();
    bool const due = now - began_ >= quiet_seconds &&
                     (environment_.terminal ? !line_open_ || now - printed_ >= redraw_seconds
                                            : now - printed_ >= log_seconds);
    if (due) draw(now, extra, false);
  }

  /// Draws the last state and ends the line; further calls do nothing.
  void finish(std::string_view extra = {}) {
    if (finished_) return;
    finished_ = true;
    double const now = environment_.seconds();
    if (line_open_ || now - began_ >= quiet_seconds) draw(now, extra, true);
  }

  /// "0:16", "12:03", "3:05:09", "4 d 3 h"
  [[nodiscard]] static std::string clock(double seconds) {
    if (!(seconds < 1e9)) return "-";
    auto const whole = static_cast<std::uint64_t>(std::max(0.0, std::round(seconds)));
    auto const two = [](std::uint64_t value) {
      return (value < 10 ? "0" : "") + std::to_string(value);
    };
    std::uint64_t const hours = whole / 3600;
    std::string const tail = two(whole % 60);
    if (hours == 0) return std::to_string(whole / 60) + ":" + tail;
    if (hours < 48) return std::to_string(hours) + ":" + two(whole / 60 % 60) + ":" + tail;
    return std::to_string(hours / 24) + " d " + std::to_string(hours % 24) + " h";
  }

 private:
  static constexpr double quiet_seconds = 2, redraw_seconds = 0.1, log_seconds = 10;
  static constexpr std::size_t widest_bar = 30, narrowest_bar = 5;

  void draw(double now, std::string_view extra, bool last) {
    if (finished_ && !last) return;
    printed_ = now;
    std::string const line = compose(now - began_, single_line(extra), last);
    std::ostream& stream = *environment_.stream;
    // Erasing to the end of the line removes what a longer line left behind.
    if (environment_.terminal) write_control(stream, "\r");
    stream << line;
    if (environment_.terminal) write_control(stream, "\x1b[K");
    line_open_ = environment_.terminal && !last;
    if (!line_open_) stream << '\n';
    stream << std::flush;
  }

  [[nodiscard]] std::string compose(double elapsed, std::string const& extra, bool last) const {
    double const rate =
        elapsed > 0 && done_ > start_ ? static_cast<double>(done_ - start_) / elapsed : 0;
    std::string head = label_;
    std::string tail = std::to_string(done_);
    if (total_ > 0) {
      std::string const percent = format_fixed(std::floor(100 * fraction()), 0) + "%";
      head += std::string(percent.size() < 4 ? 5 - percent.size() : 1, ' ') + percent;
      tail += "/" + std::to_string(total_);
    }
    tail += "  " + (rate < 1e3 ? format_fixed(rate, 1) : format_count(rate)) + "/s  ";
    double const left = total_ > done_ ? static_cast<double>(total_ - done_) : 0;
    if (last) {
      tail += "in " + clock(elapsed);
    } else if (total_ > 0) {
      tail += "ETA " + (rate > 0 ? clock(left / rate) : std::string("-"));
    } else {
      tail += clock(elapsed);
    }
    if (!extra.empty()) tail += "  " + extra;
    return environment_.terminal ? fitted(head, tail) : head + "  " + tail;
  }

  // The bar takes what is left of the width and goes first when there is none; the last column
  // stays empty, because some terminals wrap when it is written.
  [[nodiscard]] std::string fitted(std::string const& head, std::string const& tail) const {
    std::size_t const columns = std::max<std::size_t>(environment_.columns(), 2) - 1;
    std::size_t const used = display_width(head) + display_width(tail) + 4;  // " [" and "] "
    if (total_ == 0 || used + narrowest_bar > columns) {
      std::string const line = head + "  " + tail;
      return display_width(line) <= columns ? line : shorten(line, columns);
    }
    std::size_t const bar = std::min(widest_bar, columns - used);
    auto const filled = static_cast<std::size_t>(fraction() * static_cast<double>(bar));
    return head + " [" + std::string(filled, '#') + std::string(bar - filled, '-') + "] " + tail;
  }

  [[nodiscard]] double fraction() const {
    return std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  }

  std::string label_;
  std::uint64_t total_;
  std::uint64_t start_;
  std::uint64_t done_;
  ProgressEnvironment environment_;
  double began_;
  double printed_;
  bool line_open_ = false;
  bool finished_ = false;
};

}  // namespace moenda::io

#undef MOENDA_HAS_TERMINAL_SIZE
