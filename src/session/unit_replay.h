#pragma once
/// A copy of what a backend works on, to be sent once more. PostgreSQL refuses to run a prepared statement
/// whose result has changed since (a column was added to its table): "cached plan must not change result
/// type". The client has prepared it perhaps long ago, or pgring did for somebody else; so pgring prepares it
/// again and sends the unit again, where that is certain to be what the client means:
///
///   - it is Bind, Describe of the portal, Execute, or Describe of the statement, then Sync or Flush, and
///   nothing
///     else, outside of a transaction: nothing of it has been done, and nothing of it answered;
///   - the client asks what the rows look like (Describe). Where it does not, it relies on what it was told
///   when
///     it prepared the statement, and would misread the rows: it is told the error, as by PostgreSQL.
///
/// A Query that does nothing but EXECUTE a statement is such a unit by itself, and its client always asks.
///
///     None --Bind, Describe of a statement--> Open --Describe, Execute--> Open --Sync, Flush--> Complete
///     None --Query--> Complete
///     any --anything else--> None

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "session/pipeline.h"

namespace pgring::session {

class UnitReplay {
  public:
    /// Longer units are not kept.
    static constexpr std::size_t kBytesMax = 4096;

    /// The Bind or Describe that begins the unit, as it is sent to the server, in two parts.
    void begin(std::span<const std::byte> head, std::span<const std::byte> rest, Expected entry);
    /// A Query that executes one statement by SQL.
    void begin_query(std::span<const std::byte> message, Expected entry);
    /// Another message of the unit.
    void append(std::span<const std::byte> message, Expected entry);
    /// A Flush, behind which the client waits for the answers before it sends the Sync.
    void append_flush(std::span<const std::byte> message);
    void forget() { state_ = State::None; }

    [[nodiscard]] bool open() const { return state_ == State::Open; }
    [[nodiscard]] bool complete() const { return state_ == State::Complete && described_; }
    /// Its Sync is a part of it.
    [[nodiscard]] bool synced() const { return entries_.back().request == Request::Sync; }
    /// It is a Query.
    [[nodiscard]] bool by_sql() const { return entries_.back().request == Request::Query; }
    [[nodiscard]] std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_)); }
    [[nodiscard]] std::span<const Expected> entries() const { return entries_; }

  private:
    enum class State : std::uint8_t { None, Open, Complete };

    State state_ = State::None;
    bool described_ = false;
    /// Memory is kept from unit to unit.
    std::string bytes_;
    std::vector<Expected> entries_;
};

}  // namespace pgring::session
