#pragma once
/// What ties a session in transaction pooling to its backend, and how much of it is known for certain.
///
/// A reason is noted before the statement is sent that may leave it behind, and stands from then on. Whether
/// it is really there is *read* from the server when the transaction is over, wherever the server tells: so a
/// statement that failed, was rolled back, or did nothing (pg_try_advisory_lock, DO) leaves no pin, and a pin
/// ends by whatever undid it. A reason that was read and found is not read again until a statement comes that
/// may have undone it.
///
///     free --statement that may leave it--> doubted --read, there--> certain --statement that may undo it-->
///     doubted --read, not there--> free

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "session/pin.h"
#include "sql/traits.h"

namespace pgring::session {

/// A set of reasons.
class PinSet {
  public:
    [[nodiscard]] bool has(Pin pin) const { return (bits_ & bit(pin)) != 0; }
    [[nodiscard]] bool empty() const { return bits_ == 0; }
    void add(Pin pin) { bits_ = static_cast<std::uint16_t>(bits_ | bit(pin)); }
    void remove(Pin pin) { bits_ = static_cast<std::uint16_t>(bits_ & ~bit(pin)); }

  private:
    static std::uint16_t bit(Pin pin) { return static_cast<std::uint16_t>(1U << index_of(pin)); }
    static_assert(kPinRules.size() <= 16);

    std::uint16_t bits_ = 0;
};

class Pins {
  public:
    [[nodiscard]] bool empty() const { return held_.empty(); }
    [[nodiscard]] bool has(Pin pin) const { return held_.has(pin); }

    /// Something is known to be there.
    [[nodiscard]] bool told() const { return !told_.empty(); }

    /// A statement with these effects is about to be sent.
    void note(sql::Effects effects);
    /// A statement that nobody judged is about to be sent. Most leave nothing, so no reason stands until the
    /// server has told of one.
    void suspect_all();
    /// The backend is gone before the server has told.
    void drop_suspicions() { doubted_ = {}; }
    /// This reason stands, and only DISCARD ALL may end it.
    void hold(Pin pin);
    /// DISCARD ALL was done, and nothing else was sent since. Only a loaded library stays.
    void discarded();
    /// DISCARD ALL was done, but more was sent behind it.
    void doubt_all();

    /// Something has to be read before it is known whether the session is tied to the backend.
    [[nodiscard]] bool doubted() const { return !doubted_.empty(); }
    /// And which parameters are set in the session.
    [[nodiscard]] bool doubts_parameters() const { return doubted_.has(Pin::Code); }
    /// The query that asks for it, for a session whose pgring logged in as `user` and that has so many
    /// statements on its backend that were prepared by SQL and can be carried over.
    [[nodiscard]] std::string query(std::string_view user, std::size_t prepared_count) const;
    /// How many columns that query has.
    [[nodiscard]] std::size_t column_count() const;
    /// What the answer says; `row` is the one row of it. The result are the parameters that code of the
    /// client's has left set in the session, among those that the server lists.
    [[nodiscard]] std::vector<std::string> read(std::span<const std::optional<std::string>> row);
    /// Nothing could be read: what is doubted stays.
    void reading_failed();

    /// A reason that is certain since the last call for it, for statistics; None when there are no more.
    struct News {
        Pin pin = Pin::None;
        /// The first time in this session.
        bool first = false;
    };
    [[nodiscard]] News take_news();

  private:
    PinSet held_;
    PinSet doubted_;
    /// What take_news() has told: of what is held now, and ever.
    PinSet told_;
    PinSet told_ever_;
};

}  // namespace pgring::session
