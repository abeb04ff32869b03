#pragma once
/// Contracts of the programme with itself. An ASSERT states what our own code promises (arguments, results, invariants);
/// it stays on in release builds, because a proxy that goes on after a broken promise may answer the wrong session.
/// Input from outside is never asserted, always checked.

namespace pgring::base {

/// Writes the broken contract to standard error and aborts. Never returns, never allocates.
[[noreturn]] void contract_broken(const char* condition, const char* file, int line, const char* function) noexcept;

}  // namespace pgring::base

#define ASSERT(condition)                                                                                  \
    (static_cast<bool>(condition)                                                                          \
         ? static_cast<void>(0)                                                                            \
         : ::pgring::base::contract_broken(#condition, __FILE__, __LINE__, static_cast<const char*>(__func__)))
