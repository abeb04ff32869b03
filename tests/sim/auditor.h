#pragma once
/// What must be true of every run, whatever its seed: the one place where the properties stand. Model clients
/// and servers report what they see; a property that does not hold throws Violation.

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace pgring::sim {

/// A property of pgring does not hold.
struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Names a client of the world; every statement of a client carries it.
using ClientNumber = std::uint32_t;
inline constexpr ClientNumber kNobody = 0;

class Auditor {
  public:
    /// What a client was told of a write.
    enum class Told : std::uint8_t {
        Nothing,       ///< not yet, or nothing any more: it may be applied or not
        Acknowledged,  ///< it is applied
        Refused,       ///< an error that says that nothing happened
        Unknown,       ///< 08007, or the connection was closed
    };

    /// `what` is a text, or makes one.
    template <class What>
    void require(bool holds, const What& what) const {
        if (holds) {
            return;
        }
        if constexpr (std::is_invocable_v<What>) {
            throw Violation(what());
        } else {
            throw Violation(what);
        }
    }

    /// A server carried out a write, in a transaction that may end either way.
    void executed(const std::string& write) {
        require(++writes_[write].executions == 1, "write " + write + " was sent twice");
    }
    /// A server committed a write.
    void committed(const std::string& write) {
        require(++writes_[write].commits == 1, "write " + write + " was applied twice");
        require(writes_[write].told != Told::Refused, "write " + write + " was refused and applied later");
    }
    void told(const std::string& write, Told told) {
        Write& entry = writes_[write];
        require(entry.told == Told::Nothing, "write " + write + " was answered twice");
        entry.told = told;
        if (told == Told::Acknowledged) {
            require(entry.commits == 1, "write " + write + " was acknowledged and not applied");
        } else if (told == Told::Refused) {
            require(entry.commits == 0, "write " + write + " was refused and had been applied");
        }
    }
    /// A server committed a NOTIFY. No two payloads are alike.
    void notified(const std::string& payload) { notifications_.emplace(payload, notifications_.size() + 1); }
    [[nodiscard]] std::size_t notified_count() const { return notifications_.size(); }
    /// Its place in the order of all, from 1 on; 0 where it was not committed.
    [[nodiscard]] std::size_t place_of(const std::string& payload) const {
        auto const found = notifications_.find(payload);
        return found == notifications_.end() ? 0 : found->second;
    }
    [[nodiscard]] std::size_t acknowledged_count() const {
        std::size_t count = 0;
        for (const auto& [name, write] : writes_) {
            count += write.told == Told::Acknowledged ? 1 : 0;
        }
        return count;
    }

  private:
    struct Write {
        std::uint32_t executions = 0;
        std::uint32_t commits = 0;
        Told told = Told::Nothing;
    };
    std::map<std::string, Write> writes_;
    std::map<std::string, std::size_t> notifications_;
};

}  // namespace pgring::sim
