#pragma once
/// Names by which SQL (PREPARE, EXECUTE, DEALLOCATE) finds statements at one backend. They are the client's
/// own words, so those of one session only may be there at a time: its *owner's*. A name is made known there
/// when a statement mentions it, and the least recently used goes where there are too many.

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "pool/ids.h"
#include "session/statements.h"

namespace pgring::session {

class BackendNames {
  public:
    /// A change that was sent to the server and is not answered yet. Never kNoStatement.
    using Ticket = std::uint32_t;
    /// How the server came by a name.
    enum class Made : std::uint8_t {
        Carried,  ///< pgring sent a Parse
        BySql,    ///< the client's PREPARE
    };

    /// The session whose names these are.
    pool::SessionId owner{};

    [[nodiscard]] bool empty() const { return order_.empty(); }
    [[nodiscard]] std::size_t size() const { return order_.size(); }
    /// How many the server lists as prepared by SQL.
    [[nodiscard]] std::size_t by_sql_count() const;
    [[nodiscard]] bool has(std::string_view name) const { return index_.contains(name); }
    /// Whether the name stands for this statement there, and its plan is not known to be outdated.
    [[nodiscard]] bool stands_for(std::string_view name, const Statement& statement) const;
    /// It is used in this unit, so not evicted within it; it must be there.
    void use(std::string_view name, std::uint64_t unit);
    /// A Parse was sent, or the client's PREPARE was completed. The name must not be there.
    Ticket add(std::string_view name, const Statement& statement, std::uint64_t unit, Made made);
    /// A Close was sent. The name must be there.
    Ticket remove(std::string_view name);
    /// The Close was answered.
    void removed(Ticket ticket);
    /// The server skipped or refused the Parse or the Close.
    void undo(Ticket ticket);
    /// The client's DEALLOCATE was completed; of a name that is not there, too.
    void erase(std::string_view name);
    /// DEALLOCATE ALL, DISCARD ALL.
    void clear();

    /// A name to be closed before another one comes to `limit` of them; none that `unit` uses.
    [[nodiscard]] std::optional<std::string> surplus(std::size_t limit, std::uint64_t unit) const;
    /// Calls `visit(name, number of the statement)` for each.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const Entry& entry : order_) {
            visit(std::string_view(entry.name), entry.statement);
        }
    }

  private:
    struct Entry {
        std::string name;
        std::uint32_t statement = kNoStatement;
        std::uint32_t version = 0;
        Ticket ticket = 0;
        std::uint64_t unit = 0;
        Made made = Made::Carried;
    };
    using Entries = std::list<Entry>;

    [[nodiscard]] Ticket next_ticket();

    /// Most recently used first.
    Entries order_;
    /// By names that lie in order_.
    std::unordered_map<std::string_view, Entries::iterator> index_;
    /// Their Close is not answered yet.
    Entries leaving_;
    Ticket last_ticket_ = 0;
};

}  // namespace pgring::session
