#pragma once
/// What one model client listens on, as PostgreSQL's transactions make it, and what it must hear and must
/// not. All clients use one channel; the order of its notifications is that of their commits
/// (Auditor::notified).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "sim/auditor.h"

namespace pgring::sim {

class Hearing {
  public:
    /// `who` is what reports call the client.
    explicit Hearing(std::string who) : who_(std::move(who)) {}

    enum class Listens : std::uint8_t {
        No,
        Yes,
        Unknown,  ///< whether it was committed nobody said
    };

    /// Strict where nothing goes wrong in the world: then it hears all of them.
    enum class Strictness : std::uint8_t { Strict, Lenient };

    // -- What its statements make of it --
    /// It is about to send what begins a transaction: by the end it has heard what was notified by now,
    /// though it should unlisten.
    void begin(const Auditor& auditor) { due_ = auditor.notified_count(); }
    /// The statement went well; outside a transaction commit() follows.
    void set(Listens listens) { now_ = listens; }
    [[nodiscard]] Listens now() const { return now_; }
    void commit(const Auditor& auditor, Strictness how);
    void roll_back() { now_ = committed_; }
    void lose_track();

    // -- What it hears --
    /// A LISTEN may have been committed without its having been told so.
    enum class CommitUnderWay : std::uint8_t { No, Yes };
    void hear(const Auditor& auditor, const std::string& payload, CommitUnderWay commit, Strictness how);
    /// It was told that its own NOTIFY is committed: by then it has heard of it.
    void notified(const Auditor& auditor, const std::string& payload) const;

  private:
    std::string who_;
    Listens committed_ = Listens::No;
    /// With what the transaction under way has done.
    Listens now_ = Listens::No;
    /// Place of the last one it heard; the first of all is 1.
    std::size_t heard_ = 0;
    /// Place of the first one that it may not miss.
    std::optional<std::size_t> from_;
    /// How many there were before its transaction began.
    std::size_t due_ = 0;
};

}  // namespace pgring::sim
