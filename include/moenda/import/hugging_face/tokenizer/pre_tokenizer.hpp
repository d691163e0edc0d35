// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "moenda/data/tokenizer/pretokenizer.hpp"
#include "moenda/files/unicode.hpp"
#include "moenda/import/hugging_face/tokenizer/json_part.hpp"
#include "moenda/import/hugging_face/tokenizer/text_pattern.hpp"

namespace moenda::hugging_face {

/// A text and where its pieces lie, which merges never cross. Parts of the text that are in no
/// piece are gone.
struct Pieces {
  struct Range {
    std::size_t begin, end;
  };
  std::string text;
  std::vector<Range> ranges;
  bool first = false;  ///< the text begins the whole input

  [[nodiscard]] std::string_view operator[](Range range) const {
    return std::string_view(text).substr(range.begin, range.end - range.begin);
  }
  /// Gives every piece another text: change(text of the piece, whether it is the first of all).
  template <class F>
  void rewrite(F change) {
    std::string out;
    out.reserve(text.size() + ranges.size());
    for (auto& range : ranges) {
      std::size_t const begin = out.size();
      out += change((*this)[range], first && range.begin == 0);
      range = {begin, out.size()};
    }
    text = std::move(out);
  }
  /// Cuts every piece: cut(text of the piece, keep), where keep(begin, end) keeps a part of it.
  template <class F>
  void split(F cut) {
    std::vector<Range> parts;
    parts.reserve(2 * ranges.size());
    for (auto const range : ranges) {
      cut((*this)[range], [&](std::size_t begin, std::size_t end) {
        if (begin < end) parts.push_back({range.begin + begin, range.begin + end});
      });
    }
    ranges = std::move(parts);
  }
};

/// What becomes of the matches of a split and of what stands between them.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// A text as matches and what lies between, in order.
class Cuts {
 public:
  explicit Cuts(std::size_t size) : size_(size) {}
  void match(std::size_t begin, std::size_t end) {
    if (done_ != begin) parts_.push_back({done_, begin, false});
    parts_.push_back({begin, end, true});
    done_ = end;
  }
  /// Calls keep(begin, end) for what stays. `invert`: the matches are what lies between.
  template <class Keep>
  void apply(SplitBehavior behavior, bool invert, Keep keep) {
    if (done_ != size_) parts_.push_back({done_, size_, false});
    for (auto& part : parts_) part.match = part.match != invert;
    switch (behavior) {
      case SplitBehavior::removed:
        for (auto const& part : parts_) {
          if (!part.match) keep(part.begin, part.end);
        }
        return;
      case SplitBehavior::isolated:
        for (auto const& part : parts_) keep(part.begin, part.end);
        return;
      case SplitBehavior::merged_with_previous:
        return join([](bool match, bool before) { return match && !before; }, keep);
      case SplitBehavior::contiguous:
        return join([](bool match, bool before) { return match == before; }, keep);
      case SplitBehavior::merged_with_next:
        return join_backwards(keep);
    }
  }

 private:
  struct Part {
    std::size_t begin, end;
    bool match;
  };
  /// Parts for which joins(match, whether the part before matched) become one with that before.
  template <class Joins, class Keep>
  void join(Joins joins, Keep keep) const {
    bool before = false, any = false;
    std::size_t begin = 0, end = 0;
    for (auto const& part : parts_) {
      if (any && !joins(part.match, before)) keep(begin, end), any = false;
      if (!any) begin = part.begin, any = true;
      end = part.end;
      before = part.match;
    }
    if (any) keep(begin, end);
  }
  template <class Keep>
  void join_backwards(Keep keep) const {
    std::vector<Part> joined;
    bool after = false;
    for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
      if (part->match && !after && !joined.empty()) {
        joined.back().begin = part->begin;
      } else {
        joined.push_back(*part);
      }
      after = part->match;
    }
    for (auto part = joined.rbegin(); part != joined.rend(); ++part) keep(part->begin, part->end);
  }
  std::size_t size_, done_ = 0;
  std::vector<Part> parts_;
};

/// How a text is cut into pieces: steps, one after another.
class PreTokenizer {
 public:
  PreTokenizer() = default;
  /// The `pre_tokenizer` of a file; the text is one piece where there is none. Throws DataError.
  explicit PreTokenizer(std::optional<JsonPart> const& part) {
    if (part) add(*part);
  }

  void operator()(Pieces& pieces) const {
    for (auto const& step : steps_) {
      std::visit([&](auto const& kind) { kind.apply(pieces); }, step);
    }
  }
  /// Whether the vocabulary spells the pieces' bytes in GPT-2's alphabet.
  [[nodiscard]] bool byte_level() const { return byte_level_; }

 private:
  /// ByteLevel, but for the spelling, which the model leaves out.
  struct Words {
    bool prefix, gpt2;
    void apply(Pieces& pieces) const {
      if (prefix) {
        pieces.rewrite([](std::string_view text, bool) {
          return text.starts_with(' ') ? std::string(text) : " " + std::string(text);
        });
      }
      if (!gpt2) return;
      pieces.split([](std::string_view text, auto keep) {
        std::size_t begin = 0;
        for (data::PieceScanner scanner(text); !scanner.done();) {
          std::size_t const size = scanner.next().size();
          keep(begin, begin + size);
          begin += size;
        }
      });
    }
  };
  struct Metaspace {
    enum class Prepend { always, first, never };
    std::string replacement;
    Prepend prepend;
    bool cut;
    void apply(Pieces& pieces) const {
      pieces.rewrite([&](std::string_view text, bool first) {
        std::string out;
        out.reserve(text.size() + text.size() / 2);
        bool const marked = text.starts_with(' ') || text.starts_with(replacement);
        bool const wanted = prepend == Prepend::always || (prepend == Prepend::first && first);
        if (wanted && !marked) out += replacement;
        for (char const c : text) c == ' ' ? out += replacement : out += c;
        return out;
      });
      if (!cut) return;
      pieces.split([&](std::string_view text, auto keep) {
        Cuts cuts(text.size());
        for (auto at = text.find(replacement); at != text.npos;) {
          cuts.match(at, at + replacement.size());
          at = text.find(replacement, at + replacement.size());
        }
        cuts.apply(SplitBehavior::merged_with_next, false, keep);
      });
    }
  };
  struct Split {
    TextPattern pattern;
    SplitBehavior behavior;
    bool invert;
    void apply(Pieces& pieces) const {
      TextPattern::Search search(pattern, pieces.text.size());
      pieces.split([&](std::string_view text, auto keep) {
        Cuts cuts(text.size());
        search.for_each_match(text,
                              [&](std::size_t begin, std::size_t end) { cuts.match(begin, end); });
        cuts.apply(behavior, invert, keep);
      });
    }
  };
  struct Digits {
    bool individual;
    void apply(Pieces& pieces) const {
      auto const& classes = data::char_classes();
      pieces.split([&](std::string_view text, auto keep) {
        Cuts cuts(text.size());
        for (std::size_t i = 0; i < text.size();) {
          auto const character = classes.at(text, i);
          if (character.kind == data::CharClass::number) cuts.match(i, i + character.length);
          i += character.length;
        }
        cuts.apply(individual ? SplitBehavior::isolated : SplitBehavior::contiguous, false, keep);
      });
    }
  };

  void add(JsonPart const& part) {
    if (byte_level_)
      part.fail("must not stand behind ByteLevel, which is read as the last step only");
    switch (part.at("type").choice({"ByteLevel", "Metaspace", "Split", "Digits", "Sequence"})) {
      case 0:
        steps_.emplace_back(
            Words{part.at("add_prefix_space").boolean(), part.boolean_or("use_regex", true)});
        byte_level_ = true;
        break;
      case 1:
        steps_.emplace_back(metaspace(part));
        break;
      case 2:
        steps_.emplace_back(Split{TextPattern(part.at("pattern")), behavior(part.at("behavior")),
                                  part.at("invert").boolean()});
        break;
      case 3:
        steps_.emplace_back(Digits{part.at("individual_digits").boolean()});
        break;
      default:
        auto const all = part.at("pretokenizers");
        for (std::size_t i = 0; i < all.count_of_steps(); ++i) add(all[i]);
    }
  }
  static SplitBehavior behavior(JsonPart const& part) {
    return static_cast<SplitBehavior>(
        part.choice({"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}));
  }
  static Metaspace metaspace(JsonPart const& part) {
    auto prepend = Metaspace::Prepend::always;
    if (auto const scheme = part.find("prepend_scheme"))
      prepend = static_cast<Metaspace::Prepend>(scheme->choice({"always", "first", "never"}));
    if (!part.boolean_or("add_prefix_space", true)) {
      if (prepend != Metaspace::Prepend::never && part.find("prepend_scheme"))
        part.fail("add_prefix_space = false must go with prepend_scheme = 'never'");
      prepend = Metaspace::Prepend::never;
    }
    return {part.at("replacement").character(), prepend, part.boolean_or("split", true)};
  }
  std::vector<std::variant<Words, Metaspace, Split, Digits>> steps_;
  bool byte_level_ = false;
};

}  // namespace moenda::hugging_face
