#include "auth/problem.h"

#include <fmt/core.h>

namespace pgring::auth {

std::string to_string(const Problem& problem) {
    return fmt::format("{}:{}: {}; {}", problem.file, problem.line, problem.message, problem.remedy);
}

}  // namespace pgring::auth
