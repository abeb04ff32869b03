#include "base/contract.h"

#include <cstdio>
#include <cstdlib>

namespace pgring::base {

void contract_broken(const char* condition, const char* file, int line, const char* function) noexcept {
    std::fprintf(stderr, "pgring: broken contract: %s (%s:%d, %s)\n", condition, file, line, function);
    std::fflush(stderr);
    std::abort();
}

}  // namespace pgring::base
