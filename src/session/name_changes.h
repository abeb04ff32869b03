#pragma once
/// What a text that is under way does to the names of its session's prepared statements by SQL. PREPARE and
/// DEALLOCATE know no transactions, and a text of several statements may fail behind any of them: so each
/// counts when the server says that it is complete, and until the text is answered to its end nobody knows
/// what the names stand for.

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "session/statements.h"
#include "sql/prepared_step.h"

namespace pgring::session {

/// One statement of a text.
struct NameStep {
    sql::PreparedStep::Kind kind = sql::PreparedStep::Kind::Other;
    std::string name{};
    /// Prepare: what it makes; none where it cannot be carried over to another backend. Execute: what runs;
    /// none where that is not known.
    StatementRef statement{};
};

class NameChanges {
  public:
    /// A text with these steps was sent; none other may be under way.
    void sent(std::vector<NameStep> steps);
    [[nodiscard]] bool under_way() const { return under_way_; }
    /// A statement of the text was completed: its step.
    [[nodiscard]] const NameStep& completed();
    /// The text was answered to its end, failed, was skipped or lost.
    void over();

    /// True once for each text: the server is to be told to answer though the client has not asked for it
    /// yet.
    [[nodiscard]] bool take_flush();

    /// Names that stand for what cannot be carried over: the server has them as the client calls them.
    std::set<std::string, std::less<>> uncarried;
    /// Steps of the statement that the unnamed portal is of, where that changes names.
    std::vector<NameStep> bound;

  private:
    std::vector<NameStep> steps_;
    std::size_t completed_count_ = 0;
    bool under_way_ = false;
    bool flushed_ = false;
};

}  // namespace pgring::session
