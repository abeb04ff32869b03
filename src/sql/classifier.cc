#include "sql/classifier.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/contract.h"
#include "sql/judge.h"
#include "sql/parser.h"

namespace pgring::sql {

namespace {

/// A text longer than this counts as several misses.
constexpr std::size_t kMissBytes = 256;

/// Encodings of clients in which the second byte of a character may look like ASCII (PostgreSQL docs,
/// "Character Set Support": those that no server may have).
constexpr std::array<std::string_view, 7> kUnsafeEncodings = {
    "BIG5", "GB18030", "GBK", "JOHAB", "SHIFT_JIS_2004", "SJIS", "UHC",
};

/// Every dialect cuts the text alike: they differ in what a backslash means in a string, and in what comes
/// behind a byte beyond ASCII.
bool reads_alike(std::string_view text) {
    return std::ranges::none_of(
        text, [](char c) { return c == '\\' || (static_cast<unsigned char>(c) & 0x80U) != 0; });
}

}  // namespace

Dialect dialect_of(std::string_view standard_conforming_strings, std::string_view client_encoding) {
    const bool unsafe_encoding =
        std::ranges::find(kUnsafeEncodings, client_encoding) != kUnsafeEncodings.end();
    return standard_conforming_strings == "on" && !unsafe_encoding ? Dialect::Standard : Dialect::Other;
}

Classifier::Classifier(const ClassifierLimits& limits, base::RandomSource& random,
                       const FunctionCatalogue& functions)
    : limits_(limits),
      functions_(functions),
      fingerprint_shape_(random),
      fingerprint_text_(random),
      lexer_(limits.text_bytes_max),
      cache_(limits.shapes_max) {
    ASSERT(limits.misses_per_second_max > 0);
}

Traits Classifier::classify(std::string_view text, Dialect dialect) {
    if (dialect == Dialect::Other && !reads_alike(text)) {
        ++counters_.other_dialect;
        return kUnjudged;
    }
    if (text.size() > limits_.text_bytes_max) {
        ++counters_.too_long;
        return kUnjudged;
    }
    if (text.find('\0') != std::string_view::npos) {
        // PostgreSQL's strings end there, ours would not. No driver sends it, no server takes it.
        ++counters_.parse_errors;
        return kUnparsed;
    }
    const Shape shape = lexer_.read(text);
    Traits traits;
    if (shape.nesting > limits_.nesting_max || shape.operator_bytes > limits_.operator_bytes_max) {
        ++counters_.too_deep;
        traits = kUnjudged;
    } else {
        traits = classify_shape(text, shape.normal_form);
    }
    traits.hint = shape.hint;
    return traits;
}

Traits Classifier::classify_shape(std::string_view text, std::string_view normal_form) {
    const Fingerprint shape = fingerprint_shape_(normal_form);
    if (const Traits* known = cache_.find(shape)) {
        ++counters_.hits;
        return *known;
    }
    const Fingerprint exact = fingerprint_text_(text);
    if (const Traits* known = cache_.find(exact)) {
        ++counters_.hits;
        return *known;
    }
    if (!take_from_budget(text.size())) {
        ++counters_.flood;
        return kUnjudged;
    }
    return parse(text, shape, exact);
}

Traits Classifier::parse(std::string_view text, Fingerprint shape, Fingerprint exact) {
    const ParseTree tree{std::string(text)};
    if (!tree.valid()) {
        ++counters_.parse_errors;
        cache_.insert(exact, kUnparsed);
        return kUnparsed;
    }
    ++counters_.misses;
    UnknownFunctions unknown(functions_);
    Traits traits = judge(tree.statements(), unknown);
    if (traits.effects.has(Effect::UnknownFunction)) {
        traits.functions = function_names_.intern(unknown.take());
    }
    cache_.insert(shape, traits);
    return traits;
}

std::uint64_t Classifier::shape_of(std::string_view text) {
    return text.size() > limits_.text_bytes_max ? 0 : fingerprint_shape_(lexer_.read(text).normal_form).low;
}

bool Classifier::take_from_budget(std::size_t text_size) {
    const auto misses = static_cast<base::Duration::rep>(1 + text_size / kMissBytes);
    const base::Duration cost = kBudgetMax / limits_.misses_per_second_max * misses;
    if (cost > budget_) {
        return false;
    }
    budget_ -= cost;
    return true;
}

void Classifier::refill(base::Instant now) {
    if (now > refilled_) {
        budget_ = std::min(kBudgetMax, budget_ + std::min<base::Duration>(now - refilled_, kBudgetMax));
        refilled_ = now;
    }
}

}  // namespace pgring::sql
