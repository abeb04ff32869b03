#pragma once
/// A classifier with a fixed key, as the tests of this room use it.

#include <ostream>
#include <string_view>

#include "base/random.h"
#include "sql/classifier.h"

namespace pgring::sql {

struct TestClassifier {
    explicit TestClassifier(const ClassifierLimits& limits = {}) : classifier(limits, random) {}

    Traits operator()(std::string_view text) { return classifier.classify(text); }

    base::Prng random{42};
    Classifier classifier;
};

/// The judgement of a classifier that has never seen anything.
inline Traits fresh(std::string_view text) {
    return TestClassifier()(text);
}

inline std::ostream& operator<<(std::ostream& out, const Traits& traits) {
    return out << (traits.access == Access::Read ? "Read" : "Write") << " effects=0x" << std::hex
               << traits.effects.bits() << std::dec << " control=" << static_cast<int>(traits.control)
               << " statements=" << static_cast<int>(traits.statements)
               << " hint=" << static_cast<int>(traits.hint);
}

}  // namespace pgring::sql
