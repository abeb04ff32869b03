#pragma once
/// Prepared statements in transaction pooling. A client's name stands for a text with parameter types; each
/// backend keeps the texts it was given under a name of pgring's own, "pgring_<number>". So sessions
/// share what is the same, a session may meet another backend in each transaction, and a statement that a
/// backend lacks is prepared there first.
///
/// Three parts: the worker's map of texts (StatementMap), a session's names (SessionStatements), what a
/// backend has (BackendStatements). All bounded; one worker's, not thread-safe. Only texts and their numbers
/// are all workers' (statement_texts.h), so that a backend may go from one worker to another.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/contract.h"
#include "pool/ids.h"
#include "session/pipeline.h"
#include "session/row_shape.h"
#include "session/statement_texts.h"
#include "sql/traits.h"

namespace pgring::session {

class StatementMap;

/// One text with its parameter types. Counted by the names of sessions that refer to it.
struct Statement {
    /// The text's own.
    std::uint32_t number = kNoStatement;
    std::uint32_t references = 0;
    sql::Traits traits;
    /// Never nullptr.
    std::shared_ptr<StatementText> text;
    /// The one session that has it, where it is not shared.
    pool::SessionId only_for{};

    [[nodiscard]] const std::string& parse_body() const { return text->parse_body; }
    [[nodiscard]] bool accepted() const { return text->accepted.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint32_t version() const { return text->version.load(std::memory_order_relaxed); }
};

/// A counted reference to a Statement.
class StatementRef {
  public:
    StatementRef() = default;
    StatementRef(StatementMap& map, Statement& statement);
    StatementRef(StatementRef&& other) noexcept;
    StatementRef& operator=(StatementRef&& other) noexcept;
    StatementRef(const StatementRef& other);
    StatementRef& operator=(const StatementRef& other);
    ~StatementRef() { reset(); }

    [[nodiscard]] explicit operator bool() const { return statement_ != nullptr; }
    [[nodiscard]] const Statement& operator*() const { return *statement_; }
    [[nodiscard]] const Statement* operator->() const { return statement_; }
    [[nodiscard]] const Statement* get() const { return statement_; }
    void reset();

  private:
    StatementMap* map_ = nullptr;
    Statement* statement_ = nullptr;
};

/// The texts that sessions of one destination refer to. A text is kept as long as a session has a name for
/// it.
class StatementMap {
  public:
    /// All texts together may take this many bytes; beyond it intern() says no.
    static constexpr std::size_t kBytesMax = std::size_t{256} << 20U;

    /// All workers' maps of one destination have the same `texts`.
    explicit StatementMap(std::shared_ptr<StatementTexts> texts) : texts_(std::move(texts)) {}
    StatementMap(const StatementMap&) = delete;
    StatementMap& operator=(const StatementMap&) = delete;
    ~StatementMap() { ASSERT(statements_.empty()); }

    /// What makes two statements the same. Under another search_path a text may mean other tables: sessions
    /// that shared the statement would find its result changed whenever one came after the other.
    struct Key {
        std::string_view parse_body;
        /// Of the session; empty where it is the server's default.
        std::string_view search_path{};
        /// The session that does not share it, because the text refers to its own names.
        pool::SessionId only_for{};

        friend bool operator==(const Key&, const Key&) = default;
    };

    /// The statement with this key, made when new; empty when memory for texts is used up.
    [[nodiscard]] StatementRef intern(const Key& key, sql::Traits traits);
    /// The statement with this key, if a session has a name for it.
    [[nodiscard]] StatementRef find(const Key& key);
    /// Whether sessions of another worker have a name for it, and a server accepted it.
    [[nodiscard]] bool is_accepted_elsewhere(const Key& key);
    /// The statement with this number, or nullptr.
    [[nodiscard]] const Statement* find(std::uint32_t number) const;
    /// A server accepted the statement with this number.
    void accept(std::uint32_t number);
    /// A server's plan of it does not fit any more, or its rows have changed.
    void outdate(std::uint32_t number);
    [[nodiscard]] std::size_t size() const { return statements_.size(); }
    [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }

  private:
    friend class StatementRef;
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            // only_for is left out: few texts have it.
            std::hash<std::string_view> const hash;
            return hash(key.parse_body) ^ (hash(key.search_path) * 31);
        }
    };

    void forget(Statement& statement);
    [[nodiscard]] static Key key_of(const Statement& statement) {
        return {.parse_body = statement.text->parse_body,
                .search_path = statement.text->search_path,
                .only_for = statement.only_for};
    }
    [[nodiscard]] static std::size_t bytes_of(const Key& key) {
        return key.parse_body.size() + key.search_path.size();
    }

    std::shared_ptr<StatementTexts> texts_;
    std::unordered_map<Key, std::unique_ptr<Statement>, KeyHash> statements_;
    std::unordered_map<std::uint32_t, Statement*> by_number_;
    std::size_t size_bytes_ = 0;
};

/// A client's names for statements, with those changes still unconfirmed by the server that must be undone if
/// it skips them: names are taken and dropped when the client asks, because later messages of the same
/// pipeline rely on it.
class SessionStatements {
  public:
    /// Names of one session at most.
    static constexpr std::size_t kNamesMax = 16384;

    /// Both live in one namespace, as in PostgreSQL.
    enum class Origin : std::uint8_t { Protocol, Sql };

    /// What a name stands for.
    struct Named {
        StatementRef statement;
        /// What its client was told of its rows last.
        RowShape shape = kNoShape;
        Origin origin = Origin::Protocol;
    };

    /// What this name stands for, or nullptr. The unnamed statement is not kept here.
    [[nodiscard]] const Named* find(std::string_view name) const;
    /// What the statement with this number is called, or was before an unconfirmed Close; looks at all names.
    [[nodiscard]] std::string_view name_of(std::uint32_t number) const;
    /// The client was told what the rows of the statement with this number look like.
    void describe(std::uint32_t number, RowShape shape);
    /// The server has not confirmed yet what the name stands for.
    [[nodiscard]] bool unconfirmed(std::string_view name) const {
        return unconfirmed(name, unconfirmed_.size());
    }
    /// The same, as far as the `count` oldest changes go.
    [[nodiscard]] bool unconfirmed(std::string_view name, std::size_t count) const;
    [[nodiscard]] bool full() const { return names_.size() >= kNamesMax; }
    [[nodiscard]] std::size_t size() const { return names_.size(); }

    /// Parse of a name that is free. Confirmed or undone in the order of the calls, together with drop().
    void add(std::string_view name, StatementRef statement);
    /// Parse that was answered without a server: there is nothing to confirm.
    void add_confirmed(std::string_view name, StatementRef statement);
    /// PREPARE was completed by the server, which knows best whether the name was free.
    void put(std::string_view name, StatementRef statement);
    /// Whether any name was made by PREPARE.
    [[nodiscard]] bool has_sql_names() const;
    /// Calls `visit(name, statement)` for each name that was made by PREPARE.
    template <class Visit>
    void for_each_sql_name(Visit&& visit) const {
        for (const auto& [name, named] : names_) {
            if (named.origin == Origin::Sql) {
                visit(std::string_view(name), *named.statement);
            }
        }
    }
    /// Close of a name; an unknown one is fine.
    void drop(std::string_view name);
    /// The server (or pgring in its stead) did the oldest unconfirmed change.
    void confirm();
    /// The server skipped or refused the `count` oldest: undoes them, the latest of them first.
    void undo(std::size_t count);
    /// DISCARD ALL, DEALLOCATE ALL, or a new backend generation for unconfirmed changes: everything is gone.
    void clear();
    /// DEALLOCATE of one name, confirmed.
    void erase(std::string_view name);

  private:
    struct Change {
        enum class Kind : std::uint8_t { Added, Dropped } kind;
        std::string name;
        Named named;
    };
    struct NameHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
    };

    std::unordered_map<std::string, Named, NameHash, std::equal_to<>> names_;
    /// A list, because it is empty in every idle session and must not cost one then.
    std::list<Change> unconfirmed_;
};

/// The statements that one backend has, least recently used first to go.
class BackendStatements {
  public:
    /// Whether the backend has it, and not outdated; a hit becomes the most recently used. `unit` is the
    /// number of the current unit (up to a Sync): what it uses is not evicted within it.
    [[nodiscard]] bool use(const Statement& statement, std::uint64_t unit);
    /// The same, and nothing is changed by it.
    [[nodiscard]] bool has(const Statement& statement) const {
        auto const found = find(statement.number);
        return found != order_.end() && found->version == statement.version();
    }
    void add(const Statement& statement, std::uint64_t unit);
    /// Its plan may not fit any more.
    void outdate(std::uint32_t statement);
    /// It has one that must be closed before it is prepared again.
    [[nodiscard]] bool outdated(const Statement& statement) const;
    /// The server said what its rows look like.
    void describe(std::uint32_t statement, RowShape shape);
    /// The same, because pgring asked for it in this unit.
    void describe(std::uint32_t statement, RowShape shape, std::uint64_t unit);
    /// kNoShape where the backend has not said it, or would have to prepare the statement first.
    [[nodiscard]] RowShape shape(const Statement& statement) const;
    /// The client was told of the statement's rows what the backend would tell it now.
    [[nodiscard]] bool agrees_on_rows(const SessionStatements::Named& named) const {
        return named.shape != kNoShape && named.shape == shape(*named.statement);
    }
    [[nodiscard]] bool was_asked(const Statement& statement, std::uint64_t unit) const;
    /// The server skipped or refused the Parse, or the statement was closed.
    void remove(std::uint32_t statement);
    /// A Close that the server skipped: the statement is still there, and the first to go.
    void restore(std::uint32_t statement, std::uint32_t version);
    /// The statement to close to stay within `limit`, or kNoStatement. Nothing that `unit` uses is named.
    [[nodiscard]] std::uint32_t surplus(std::size_t limit, std::uint64_t unit) const;
    void clear();
    [[nodiscard]] std::size_t size() const { return index_.size(); }

  private:
    struct Entry {
        std::uint32_t statement;
        /// Of the statement, when it was prepared; none has 0.
        std::uint32_t version;
        std::uint64_t unit;
        RowShape shape = kNoShape;
        /// The unit in which pgring asked for its shape last; none has 0.
        std::uint64_t asked_in = 0;
    };
    /// Where it is in order_, or its end. Costs no hash where it is the one that was used last, which is the
    /// rule.
    [[nodiscard]] std::list<Entry>::const_iterator find(std::uint32_t statement) const {
        if (!order_.empty() && order_.front().statement == statement) {
            return order_.begin();
        }
        auto const found = index_.find(statement);
        return found == index_.end() ? order_.end() : found->second;
    }

    /// Most recently used first.
    std::list<Entry> order_;
    std::unordered_map<std::uint32_t, std::list<Entry>::iterator> index_;
};

/// Writes the name of a statement at the server into `memory` and returns it, without the zero byte.
[[nodiscard]] std::string_view server_name(std::uint32_t statement, std::span<char, 32> memory);

}  // namespace pgring::session
