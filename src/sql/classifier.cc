#include "sql/classifier.h"

namespace pgring::sql {

Dialect dialect_of(std::string_view standard_conforming_strings, std::string_view client_encoding) {
    return standard_conforming_strings == "on" && client_encoding == "UTF8" ? Dialect::Standard
                                                                            : Dialect::Other;
}

Classifier::Classifier(const ClassifierLimits& limits, base::RandomSource&) : limits_(limits) {}

Classifier::~Classifier() = default;

Traits Classifier::classify(std::string_view, Dialect) {
    ++counters_.too_long;
    return kUnjudged;
}

void Classifier::refill(base::Instant) {}

}  // namespace pgring::sql
