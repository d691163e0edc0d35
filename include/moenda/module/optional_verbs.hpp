// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a module may leave out is asked of those that have it, and a signature that nobody calls
// would be passed over in silence. So whoever asks for such a verb refuses a module that has one of
// that name and cannot be called: a changed signature is an error of the compiler, not of a run.
#include <type_traits>

namespace moenda {
namespace detail {

/// All verbs and facts that a module may leave out.
struct OptionalVerbs {
  void parts();
  void inside();
  void check();
  void check_batch();
  void check_targets();
  void fit();
  void after_step();
  void idle_parameters();
  void weighting_rule();
  void traits_for();
  void experts_per_item();
  void granularity_for();
};
/// A name that M has, too, is ambiguous here, whatever M has under it: a template, overloads, or a
/// function that is private. Made once per module.
template <class M, bool = std::is_final_v<M>>
struct BesideOptionalVerbs : M, OptionalVerbs {};
template <class M>
struct BesideOptionalVerbs<M, true> : OptionalVerbs {
  static_assert(!std::is_final_v<M>,
                "a module must not be final: only a class derived from it shows whether it has one "
                "of the verbs that a module may leave out");
};

}  // namespace detail

// Whether M has a member of that name, to be asked where M cannot be called by it.
#define MOENDA_NAMES(VERB)                         \
  template <class M>                               \
  inline constexpr bool names_##VERB = !requires { \
    &detail::BesideOptionalVerbs<M>::VERB;         \
  }
MOENDA_NAMES(parts);
MOENDA_NAMES(inside);
MOENDA_NAMES(check);
MOENDA_NAMES(check_batch);
MOENDA_NAMES(check_targets);
MOENDA_NAMES(fit);
MOENDA_NAMES(after_step);
MOENDA_NAMES(idle_parameters);
MOENDA_NAMES(weighting_rule);
MOENDA_NAMES(traits_for);
MOENDA_NAMES(experts_per_item);
MOENDA_NAMES(granularity_for);
#undef MOENDA_NAMES

}  // namespace moenda
