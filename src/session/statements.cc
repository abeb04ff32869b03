#include "session/statements.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace pgring::session {

StatementRef::StatementRef(StatementMap& map, Statement& statement) : map_(&map), statement_(&statement) {
    ++statement.references;
}

StatementRef::StatementRef(StatementRef&& other) noexcept
    : map_(std::exchange(other.map_, nullptr)), statement_(std::exchange(other.statement_, nullptr)) {}

StatementRef& StatementRef::operator=(StatementRef&& other) noexcept {
    if (this != &other) {
        reset();
        map_ = std::exchange(other.map_, nullptr);
        statement_ = std::exchange(other.statement_, nullptr);
    }
    return *this;
}

StatementRef::StatementRef(const StatementRef& other) : map_(other.map_), statement_(other.statement_) {
    if (statement_ != nullptr) {
        ++statement_->references;
    }
}

StatementRef& StatementRef::operator=(const StatementRef& other) {
    if (this != &other) {
        *this = StatementRef(other);
    }
    return *this;
}

void StatementRef::reset() {
    if (statement_ != nullptr && --statement_->references == 0) {
        map_->forget(*statement_);
    }
    statement_ = nullptr;
    map_ = nullptr;
}

StatementRef StatementMap::intern(const Key& key, sql::Traits traits) {
    if (auto const found = statements_.find(key); found != statements_.end()) {
        return {*this, *found->second};
    }
    if (size_bytes_ + bytes_of(key) > kBytesMax) {
        return {};
    }
    std::shared_ptr<StatementText> text = key.only_for ? texts_->own(key.parse_body, key.search_path)
                                                       : texts_->shared(key.parse_body, key.search_path);
    if (text == nullptr) {
        return {};
    }
    auto statement = std::make_unique<Statement>();
    statement->number = text->number;
    statement->traits = traits;
    statement->text = std::move(text);
    statement->only_for = key.only_for;
    size_bytes_ += bytes_of(key);
    Statement& made = *statement;
    by_number_.emplace(made.number, &made);
    statements_.emplace(key_of(made), std::move(statement));
    return {*this, made};
}

StatementRef StatementMap::find(const Key& key) {
    auto const found = statements_.find(key);
    return found == statements_.end() ? StatementRef() : StatementRef(*this, *found->second);
}

bool StatementMap::is_accepted_elsewhere(const Key& key) {
    std::shared_ptr<StatementText> const text =
        key.only_for ? nullptr : texts_->find(key.parse_body, key.search_path);
    return text != nullptr && text->accepted.load(std::memory_order_relaxed);
}

void StatementMap::accept(std::uint32_t number) {
    if (auto const found = by_number_.find(number); found != by_number_.end()) {
        found->second->text->accepted.store(true, std::memory_order_relaxed);
    }
}

void StatementMap::outdate(std::uint32_t number) {
    if (auto const found = by_number_.find(number); found != by_number_.end()) {
        found->second->text->version.fetch_add(1, std::memory_order_relaxed);
    }
}

const Statement* StatementMap::find(std::uint32_t number) const {
    auto const found = by_number_.find(number);
    return found == by_number_.end() ? nullptr : found->second;
}

void StatementMap::forget(Statement& statement) {
    by_number_.erase(statement.number);
    size_bytes_ -= bytes_of(key_of(statement));
    // The key refers to the statement's own text: find first, erase by position.
    auto const found = statements_.find(key_of(statement));
    ASSERT(found != statements_.end());
    statements_.erase(found);
}

const SessionStatements::Named* SessionStatements::find(std::string_view name) const {
    auto const found = names_.find(name);
    return found == names_.end() ? nullptr : &found->second;
}

void SessionStatements::describe(std::uint32_t number, RowShape shape) {
    for (auto& [name, named] : names_) {
        if (named.statement->number == number) {
            named.shape = shape;
        }
    }
}

void SessionStatements::add(std::string_view name, StatementRef statement) {
    auto const [at, inserted] = names_.try_emplace(std::string(name), Named{.statement = statement});
    ASSERT(inserted);
    unconfirmed_.push_back({.kind = Change::Kind::Added,
                            .name = std::string(name),
                            .named = {.statement = std::move(statement)}});
}

void SessionStatements::add_confirmed(std::string_view name, StatementRef statement) {
    auto const [at, inserted] =
        names_.try_emplace(std::string(name), Named{.statement = std::move(statement)});
    ASSERT(inserted);
}

void SessionStatements::put(std::string_view name, StatementRef statement) {
    names_.insert_or_assign(std::string(name),
                            Named{.statement = std::move(statement), .origin = Origin::Sql});
}

bool SessionStatements::has_sql_names() const {
    return std::ranges::any_of(names_, [](const auto& each) { return each.second.origin == Origin::Sql; });
}

void SessionStatements::drop(std::string_view name) {
    Change change{.kind = Change::Kind::Dropped, .name = std::string(name), .named = {}};
    if (auto const found = names_.find(name); found != names_.end()) {
        change.named = std::move(found->second);
        names_.erase(found);
    }
    unconfirmed_.push_back(std::move(change));
}

bool SessionStatements::unconfirmed(std::string_view name, std::size_t count) const {
    ASSERT(count <= unconfirmed_.size());
    auto const end = std::next(unconfirmed_.begin(), static_cast<std::ptrdiff_t>(count));
    return std::ranges::find(unconfirmed_.begin(), end, name, &Change::name) != end;
}

std::string_view SessionStatements::name_of(std::uint32_t number) const {
    auto const found =
        std::ranges::find(names_, number, [](const auto& each) { return each.second.statement->number; });
    if (found != names_.end()) {
        return found->first;
    }
    auto const changed = std::ranges::find_if(unconfirmed_, [number](const Change& change) {
        return change.named.statement && change.named.statement->number == number;
    });
    return changed == unconfirmed_.end() ? std::string_view{} : std::string_view(changed->name);
}

void SessionStatements::confirm() {
    ASSERT(!unconfirmed_.empty());
    unconfirmed_.pop_front();
}

void SessionStatements::undo(std::size_t count) {
    ASSERT(count <= unconfirmed_.size());
    auto const end = std::next(unconfirmed_.begin(), static_cast<std::ptrdiff_t>(count));
    for (auto change = std::make_reverse_iterator(end); change != unconfirmed_.rend(); ++change) {
        switch (change->kind) {
            case Change::Kind::Added:
                if (auto const found = names_.find(change->name);
                    found != names_.end() && found->second.statement.get() == change->named.statement.get()) {
                    names_.erase(found);
                }
                break;
            case Change::Kind::Dropped:
                // Where a later unit took the name meanwhile, that one has it.
                if (change->named.statement) {
                    names_.try_emplace(std::move(change->name), std::move(change->named));
                }
                break;
        }
    }
    unconfirmed_.erase(unconfirmed_.begin(), end);
}

void SessionStatements::clear() {
    names_.clear();
}

void SessionStatements::erase(std::string_view name) {
    if (auto const found = names_.find(name); found != names_.end()) {
        names_.erase(found);
    }
}

bool BackendStatements::use(const Statement& statement, std::uint64_t unit) {
    auto const found = find(statement.number);
    if (found == order_.end() || found->version != statement.version()) {
        return false;
    }
    order_.splice(order_.begin(), order_, found);
    order_.front().unit = unit;
    return true;
}

void BackendStatements::add(const Statement& statement, std::uint64_t unit) {
    ASSERT(!index_.contains(statement.number));
    order_.push_front({.statement = statement.number, .version = statement.version(), .unit = unit});
    index_.emplace(statement.number, order_.begin());
}

void BackendStatements::outdate(std::uint32_t statement) {
    if (auto const found = index_.find(statement); found != index_.end()) {
        found->second->version = 0;
    }
}

bool BackendStatements::outdated(const Statement& statement) const {
    auto const found = find(statement.number);
    return found != order_.end() && found->version != statement.version();
}

void BackendStatements::describe(std::uint32_t statement, RowShape shape) {
    if (auto const found = index_.find(statement); found != index_.end()) {
        found->second->shape = shape;
    }
}

void BackendStatements::describe(std::uint32_t statement, RowShape shape, std::uint64_t unit) {
    if (auto const found = index_.find(statement); found != index_.end()) {
        found->second->shape = shape;
        found->second->asked_in = unit;
    }
}

RowShape BackendStatements::shape(const Statement& statement) const {
    auto const found = find(statement.number);
    return found == order_.end() || found->version != statement.version() ? kNoShape : found->shape;
}

bool BackendStatements::was_asked(const Statement& statement, std::uint64_t unit) const {
    auto const found = find(statement.number);
    return found != order_.end() && found->asked_in == unit;
}

void BackendStatements::remove(std::uint32_t statement) {
    if (auto const found = index_.find(statement); found != index_.end()) {
        order_.erase(found->second);
        index_.erase(found);
    }
}

void BackendStatements::restore(std::uint32_t statement, std::uint32_t version) {
    if (!index_.contains(statement)) {
        order_.push_back({.statement = statement, .version = version, .unit = 0});
        index_.emplace(statement, std::prev(order_.end()));
    }
}

std::uint32_t BackendStatements::surplus(std::size_t limit, std::uint64_t unit) const {
    if (index_.size() < limit || order_.empty() || order_.back().unit == unit) {
        return kNoStatement;
    }
    return order_.back().statement;
}

void BackendStatements::clear() {
    order_.clear();
    index_.clear();
}

std::string_view server_name(std::uint32_t statement, std::span<char, 32> memory) {
    char* at = memory.data();
    char* const end = memory.data() + memory.size();
    std::memcpy(at, "pgring_", 7);
    at = std::to_chars(at + 7, end, statement).ptr;
    return {memory.data(), static_cast<std::size_t>(at - memory.data())};
}

}  // namespace pgring::session
