// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdexcept>
#include <string>

namespace moenda {

/// Every error this library throws on purpose. The message is `Where: what must hold`, with the
/// value found and the values allowed.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A configuration, argument or shape that cannot work. The runner exits with 2.
struct ConfigError : Error {
  using Error::Error;
};

/// A file or data set that is missing, damaged or not what it claims to be. The runner exits
/// with 3.
struct DataError : Error {
  using Error::Error;
};

/// A value that is not finite where it must be. The runner exits with 4.
struct NumericError : Error {
  using Error::Error;
};

/// Throws ConfigError "`what` (`left` vs `right`)" unless `holds`.
inline void require(bool holds, char const* what, long long left, long long right) {
  if (!holds) {
    throw ConfigError(std::string(what) + " (" + std::to_string(left) + " vs " +
                      std::to_string(right) + ")");
  }
}

}  // namespace moenda
