// SPDX-License-Identifier: Apache-2.0
#pragma once
// Config -> JSON Schema, so that editors complete and check the TOML.
#include <nlohmann/json.hpp>

#include "moenda/toml/read.hpp"

namespace moenda::io {

using Json = nlohmann::ordered_json;

template <class C>
[[nodiscard]] Json schema_of(C const& defaults);

namespace detail {

template <class C>
[[nodiscard]] Json schema_of_fields(C const& defaults, char const* type) {
  Json properties = Json::object();
  if (type != nullptr) properties["type"] = {{"const", type}};
  auto const add = [&](char const* name, auto const& member) {
    properties[name] = schema_of(member);
  };
  if constexpr (SideBySideLike<C>) {
    std::size_t i = 0;
    hana::for_each(defaults.groups, [&](auto const& group) { add(C::names[i++], group); });
  } else {
    for_each_field(defaults, add);
  }
  return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
}
/// A name alone, or the keys of one choice. `type` may be missing: then the keys belong to the
/// default choice or to the one that a base file named.
template <OneOfConfigLike C>
[[nodiscard]] Json schema_of_choice() {
  Json choices = Json::array(), names = Json::array();
  using Variant = decltype(C::choice);
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (names.push_back(C::names[I]), ...);
    choices.push_back({{"type", "string"}, {"enum", names}});
    ((choices.push_back([] {
       using Chosen = std::variant_alternative_t<I, Variant>;
       if constexpr (OneOfConfigLike<Chosen>) {
         return schema_of_choice<Chosen>();
       } else {
         return schema_of_fields(Chosen{}, C::names[I]);
       }
     }())),
     ...);
  }
  (std::make_index_sequence<std::variant_size_v<Variant>>{});
  return {{"anyOf", choices}};
}

}  // namespace detail

/// The schema of one value: its type, the names an enum or a OneOf knows, and the default.
template <class C>
[[nodiscard]] Json schema_of(C const& defaults) {
  if constexpr (std::is_same_v<C, bool>) {
    return {{"type", "boolean"}, {"default", defaults}};
  } else if constexpr (std::is_integral_v<C>) {
    return {{"type", "integer"}, {"default", defaults}};
  } else if constexpr (std::is_floating_point_v<C>) {
    return {{"type", "number"}, {"default", defaults}};
  } else if constexpr (std::is_same_v<C, std::string>) {
    return {{"type", "string"}, {"default", defaults}};
  } else if constexpr (EnumLike<C>) {
    return {{"enum", detail::words(enum_names(defaults))},
            {"default", enum_names(defaults)[static_cast<std::size_t>(defaults)]}};
  } else if constexpr (is_list<C>) {
    return {{"type", "array"}, {"items", schema_of(typename C::value_type{})}};
  } else if constexpr (OneOfConfigLike<C>) {
    return detail::schema_of_choice<C>();
  } else {
    return detail::schema_of_fields(defaults, nullptr);
  }
}

/// The JSON Schema (2020-12) of a whole configuration file.
template <class C>
[[nodiscard]] Json schema_document(std::string const& title) {
  Json schema = schema_of(C{});
  schema["properties"]["extends"] = {
      {"type", "string"}, {"description", "a TOML file whose values hold unless given here"}};
  schema["properties"]["sweep"] = {{"type", "object"},
                                   {"description", "many runs in one file: see docs/sweeps.md"}};
  Json document = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", title}};
  document.update(schema);
  return document;
}

}  // namespace moenda::io
