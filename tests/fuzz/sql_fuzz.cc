/// Classifies arbitrary bytes. Promises: no crash; asked again the answer is the same; and the answer from a
/// cache that has seen other texts is the answer of a classifier that has seen none.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/contract.h"
#include "base/random.h"
#include "sql/classifier.h"
#include "sql/setting.h"

namespace {

using pgring::sql::Classifier;
using pgring::sql::ClassifierLimits;
using pgring::sql::Traits;

constexpr ClassifierLimits kLimits{
    .text_bytes_max = 4096,
    .nesting_max = 50,
    .operator_bytes_max = 200,
    .misses_per_second_max = 1'000'000'000,
    .shapes_max = 1024,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static pgring::base::Prng random(1);
    static Classifier experienced(kLimits, random);

    // Refilled by hand: time is what the caller says it is, and the fuzzer never runs out of budget.
    static pgring::base::Instant now{};
    now += std::chrono::seconds(1);
    experienced.refill(now);

    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Traits first = experienced.classify(text);
    ASSERT(experienced.classify(text) == first);

    Classifier fresh(kLimits, random);
    Traits alone = fresh.classify(text);
    // Each classifier has its own numbers for what is called.
    alone.functions = first.functions;
    // A constant that is an error in itself (E'\u00zz') does not spoil its shape, so there the cache may know
    // better.
    ASSERT(alone.effects == pgring::sql::Effect::Unparsed || alone == first);
    ASSERT(first.access == pgring::sql::Access::Write || !first.effects.has(pgring::sql::Effect::Unjudged));

    static_cast<void>(pgring::sql::settings_of(text));
    return 0;
}
