#pragma once
/// What a backend still owes: one entry for each message sent to it that it answers, in order, and who the
/// answer is for. The whole pairing of requests and replies is here; nobody else counts.
///
///   Extended protocol: an ErrorResponse ends everything up to the next Sync (PostgreSQL docs, "Extended
///   Query"). Entries behind it are skipped; where the Sync was not sent yet, what is sent before it is
///   skipped as well, as the server does. A simple Query and a FunctionCall end with their ReadyForQuery,
///   whatever happens before. Sync and Flush that the server reads during COPY FROM STDIN are ignored by it
///   ("COPY Operations"), so not expected.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/contract.h"
#include "base/mutation.h"
#include "session/request.h"
#include "session/units_ahead.h"
#include "sql/traits.h"
#include "wire/protocol.h"

namespace pgring::session {

/// Who gets the answer.
enum class Audience : std::uint8_t {
    /// The client, as it comes.
    Client,
    /// pgring itself: the answer is swallowed; an error makes the backend unfit, or goes to the client
    /// (Request::Parse).
    Errand,
    /// The client, from pgring: the server was not asked. Answered when the entry's turn comes.
    Local,
    /// Nobody any more: a read that was sent ahead for a session which is served elsewhere, or not at all.
    Nobody,
};

/// Whether the session that has the backend hears of it.
[[nodiscard]] constexpr bool concerns_client(Audience audience) {
    return audience == Audience::Client || audience == Audience::Local;
}

/// What is at stake if the backend is lost before the answer.
enum class Stake : std::uint8_t {
    /// Nothing can have happened to the data.
    None,
    /// It opens a transaction block: what follows is not committed by itself.
    Begins,
    /// It was to open one and has failed: the client believes to be in it, what follows may be committed by
    /// itself.
    BeginFailed,
    /// Outside a transaction block it may have been applied or not.
    Writes,
    /// It ends a transaction block: its writes may have been committed or not.
    Commits,
    /// It ends a transaction block, and nothing of it was committed.
    RollsBack,
};

/// What running the statement puts at stake.
[[nodiscard]] Stake stake_of(const sql::Traits& traits);

/// What pgring itself has to do when the answer comes, beyond passing it on or swallowing it.
enum class Purpose : std::uint8_t {
    None,
    /// Parse, Close: the session noted a name that must be confirmed, or undone where the server skips it
    /// (statements.h).
    ClientName,
    /// Parse of pgring's own, because the backend lacked the statement; its error goes to the client.
    Prepare,
    /// Close of pgring's own, because the backend had too many statements.
    Evict,
    /// Parse of pgring's own of the session's unnamed statement.
    PrepareUnnamed,
    /// Describe of pgring's own, awaited: the client's rows must look as it was told before (row_shape.h).
    AskShape,
    /// Query answered locally: DEALLOCATE of a name that only pgring knows.
    Deallocate,
    /// Bind or Query that is sent to fail, so that the transaction fails as it must; the client is told an
    /// error of pgring's instead.
    Refusal,
    /// Query, Execute: its statements may change what the session listens on (listening.h).
    Channels,
    /// Query, Execute: its statements may change what the session has prepared by SQL (name_changes.h).
    Names,
    /// Both.
    ChannelsAndNames,
    /// Parse, Close of pgring's own, awaited: a name of the session's is made known at the server
    /// (backend_names.h).
    CarryName,
    /// Parse, Bind, Execute, Close of pgring's own: what the statement before it has reset goes back to the
    /// startup packet's values (startup_return.h).
    ReturnToStartup,
    /// The same, for DISCARD SEQUENCES (sequence_memory.h).
    DiscardSequences,
    /// Query of an errand (see backend.h).
    ErrandBegin,
    ErrandAwaited,
};

/// No prepared statement.
inline constexpr std::uint32_t kNoStatement = 0;

struct Expected {
    Request request{};
    Audience audience = Audience::Client;
    Stake stake = Stake::None;
    Purpose purpose = Purpose::None;
    /// Parse, Bind, Describe and Close of a statement of ours, Query and Execute that run one by SQL: its
    /// number. Purpose::CarryName: a BackendNames::Ticket.
    std::uint32_t statement = kNoStatement;
};
static_assert(sizeof(Expected) == 8);

/// Whether the client is told ReadyForQuery at the end of this entry.
[[nodiscard]] constexpr bool readies_client(const Expected& entry) {
    return concerns_client(entry.audience) &&
           (entry.request == Request::Query || entry.request == Request::FunctionCall ||
            entry.request == Request::Sync);
}

[[nodiscard]] constexpr bool tells_channels(Purpose purpose) {
    return purpose == Purpose::Channels || purpose == Purpose::ChannelsAndNames;
}
[[nodiscard]] constexpr bool tells_names(Purpose purpose) {
    return purpose == Purpose::Names || purpose == Purpose::ChannelsAndNames;
}

/// Of a text with steps of both, one or none.
[[nodiscard]] constexpr Purpose purpose_of_steps(bool channels, bool names) {
    if (channels && names) {
        return Purpose::ChannelsAndNames;
    }
    return channels ? Purpose::Channels : names ? Purpose::Names : Purpose::None;
}

/// Whether the session noted a change of one of its names with this entry (statements.h).
[[nodiscard]] constexpr bool notes_name(const Expected& entry) {
    return entry.purpose == Purpose::ClientName || entry.purpose == Purpose::Deallocate;
}

class Pipeline {
  public:
    /// Entries at most; the session pauses its client when they are this many. The server answers into a
    /// buffer of 8 KB that it sends when full, so with this many out it has sent most, and waiting cannot
    /// deadlock.
    static constexpr std::size_t kEntriesMax = 65536;

    Pipeline() = default;
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    /// What was sent behind all this for sessions that wait (units_ahead.h).
    UnitsAhead ahead;

    /// Notes a request that was sent (or is answered locally). Allocates only when longer than ever before.
    /// What was sent ahead stands before it at the server, and is nobody's from then on.
    void expect(Expected entry) {
        if (!ahead.empty() && !rehearsing_) {
            give_up_ahead();
        }
        note(entry);
    }
    /// The answers to what was sent ahead are for nobody: whose it is is served elsewhere.
    void give_up_ahead();

    /// The session that the first unit ahead is of has the backend now, and says what that unit says: from
    /// now on nothing is given up. The pipeline must be idle.
    void begin_rehearsal() {
        ASSERT(idle() && !ahead.empty() && !rehearsing_);
        rehearsing_ = true;
    }
    /// It has said the same, which is what is expected now; the unit is no longer ahead.
    void rehearsed() {
        ASSERT(rehearsing_);
        rehearsing_ = false;
        ahead.pop_front();
    }
    /// It has said something else, which is to be sent behind all that was sent ahead.
    void rehearsed_in_vain();

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] bool full() const { return count_ >= kEntriesMax; }
    [[nodiscard]] std::size_t size() const { return count_; }
    /// Whether `is_meant` holds for an entry.
    template <class Predicate>
    [[nodiscard]] bool any(Predicate is_meant) const {
        for (std::size_t i = 0; i < count_; ++i) {
            if (is_meant(at(i))) {
                return true;
            }
        }
        return false;
    }
    /// An earlier unit than the one that is sent now prepares or closes this statement of ours, and has not
    /// been answered: behind an error the server skips that, so that it is not known whether it will have the
    /// statement. Without anything of the kind on its way, which is the rule, it costs nothing.
    [[nodiscard]] bool unsettled(std::uint32_t statement) const;
    /// The same, of what pgring asks for by itself.
    [[nodiscard]] bool unsettled_by_errand(std::uint32_t statement) const;
    /// How many changes of the client's names belong to earlier units than the one that is sent now.
    [[nodiscard]] std::size_t names_in_earlier_units() const;
    /// Nothing is owed, and no extended-protocol message is without its Sync.
    [[nodiscard]] bool idle() const { return count_ == 0 && !open_; }
    /// Extended-protocol messages were sent and their Sync was not.
    [[nodiscard]] bool open() const { return open_; }
    /// The server is reading COPY data from the client now.
    [[nodiscard]] bool copying_in() const { return copying_in_; }
    /// Number of ReadyForQuery still to come.
    [[nodiscard]] std::uint32_t ready_owed() const { return ready_owed_; }

    [[nodiscard]] const Expected& front() const {
        ASSERT(count_ > 0);
        return entries_[head_];
    }
    /// The entry at `position` from the front, for the loss of a backend.
    [[nodiscard]] const Expected& at(std::size_t position) const {
        ASSERT(position < count_);
        return entries_[(head_ + position) & (entries_.size() - 1)];
    }

    /// The front's answer is pgring's own business from now on.
    void keep_front() {
        ASSERT(count_ > 0);
        entries_[head_].audience = Audience::Errand;
    }
    /// The front is a BEGIN that failed.
    void begin_failed() {
        ASSERT(count_ > 0 && entries_[head_].stake == Stake::Begins);
        entries_[head_].stake = Stake::BeginFailed;
    }
    /// The front's answer is complete.
    Expected pop();

    /// An ErrorResponse came. Calls `skipped(entry)` for each entry that will not be answered because of it,
    /// the latest first, so that what was noted with them is undone backwards. An entry of a simple query at
    /// the front stays: its ReadyForQuery follows.
    template <class Skipped>
    void error(Skipped&& skipped) {
        copying_in_ = copying_in_ && PGRING_MUTATION(CopyErrorForgotten);
        drop_copy_end();
        if (count_ == 0 || ends_with_ready(front().request)) {
            return;
        }
        std::size_t skipped_count = 0;
        while (skipped_count < count_ && at(skipped_count).request != Request::Sync) {
            ++skipped_count;
        }
        if (PGRING_MUTATION(ErrorSwallowsSync) && skipped_count < count_) {
            ++skipped_count;
        }
        for (std::size_t position = skipped_count; position-- > 0;) {
            skipped(at(position));
        }
        while (skipped_count-- > 0) {
            pop_any();
        }
        skipping_ = count_ == 0 && open_;
    }
    /// What was noted last is a COPY FROM STDIN.
    void copy_in_sent() { copy_in_behind_ = popped_ + count_; }
    /// The server may be about to read COPY data: whether it ignores a Sync is not known.
    [[nodiscard]] bool awaits_copy_in() const {
        return copy_in_behind_ > popped_ && copy_in_behind_ <= popped_ + count_;
    }
    /// CopyInResponse came: Syncs already sent are ignored by the server, up to the CopyDone or CopyFail if
    /// that was sent.
    void copy_in_begins();
    /// The client's CopyDone or CopyFail was sent.
    void copy_in_ends();

    /// True while the server discards what it is sent, up to the next Sync.
    [[nodiscard]] bool skipping() const { return skipping_; }

    void clear();

  private:
    [[nodiscard]] static bool ends_with_ready(Request request) {
        return request == Request::Query || request == Request::FunctionCall || request == Request::Sync;
    }
    /// It has a Sync behind it.
    [[nodiscard]] static bool belongs_to_batch(Request request) {
        return !ends_with_ready(request) && request != Request::CopyEnd;
    }
    /// The server has a statement of ours, or has it no more, when this is answered.
    [[nodiscard]] static bool changes_statements(const Expected& entry) {
        return (entry.request == Request::Parse || entry.request == Request::Close) &&
               entry.statement != kNoStatement;
    }
    template <class Predicate>
    [[nodiscard]] bool any_in_earlier_units(Predicate is_meant) const;
    void note(Expected entry);
    Expected pop_any();
    void drop_copy_end();
    void grow();

    /// A ring; its size is a power of two.
    std::vector<Expected> entries_;
    std::size_t head_ = 0;
    std::size_t count_ = 0;
    /// How many entries have left at the front.
    std::uint64_t popped_ = 0;
    /// The place behind the COPY FROM STDIN that was sent last, counted as popped_; 0 where its data has
    /// ended.
    std::uint64_t copy_in_behind_ = 0;
    std::uint32_t ready_owed_ = 0;
    /// How many entries change which statements of ours the server has.
    std::uint32_t statement_changes_ = 0;
    bool open_ = false;
    bool skipping_ = false;
    bool copying_in_ = false;
    bool rehearsing_ = false;
};

}  // namespace pgring::session
