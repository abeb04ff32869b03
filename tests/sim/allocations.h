#pragma once
/// Counts what the code under test allocates. The simulator's own allocations, which are many, are not
/// counted: only those made while a scope is open.

#include <cstdint>

namespace pgring::sim {

class AllocationScope {
  public:
    explicit AllocationScope(std::uint64_t& count);
    ~AllocationScope();
    AllocationScope(const AllocationScope&) = delete;
    AllocationScope& operator=(const AllocationScope&) = delete;

  private:
    std::uint64_t* outer_;
};

}  // namespace pgring::sim
