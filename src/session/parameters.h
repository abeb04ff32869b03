#pragma once
/// Values of run-time parameters ("GUCs") as immutable, shared sets: what a backend has, what a session
/// believes and wants. Two connections agree exactly if they refer to the same set, so that the usual case is
/// one comparison.
///
/// One worker's; not thread-safe. Sets are counted and freed with the last reference; a connection that sets
/// nothing of its own shares the set of its pool.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pgring::session {

/// One parameter with its value; sets keep them ordered by lower-cased name.
struct Parameter {
    std::string name;
    std::string value;

    friend bool operator==(const Parameter&, const Parameter&) = default;
};

class ParameterSets;

/// The values; immutable.
class ParameterSet {
  public:
    [[nodiscard]] std::span<const Parameter> all() const { return parameters_; }
    /// The value, or nullptr. Names compare without regard to ASCII case, as PostgreSQL's do.
    [[nodiscard]] const std::string* find(std::string_view name) const;

  private:
    friend class ParameterSets;
    std::vector<Parameter> parameters_;
};

using ParameterSetPtr = std::shared_ptr<const ParameterSet>;

/// A difference that an errand has to make: set `name` to `value`, or to its default where there is none.
struct ParameterChange {
    std::string_view name;
    const std::string* value = nullptr;
};

/// Makes sets unique.
class ParameterSets {
  public:
    ParameterSets();
    ParameterSets(const ParameterSets&) = delete;
    ParameterSets& operator=(const ParameterSets&) = delete;

    [[nodiscard]] const ParameterSetPtr& empty() const { return empty_; }
    /// The set of these that has the values of `other`, which may be another worker's.
    [[nodiscard]] ParameterSetPtr equal_to(const ParameterSet& other);
    /// `set` with one value put in or replaced.
    [[nodiscard]] ParameterSetPtr with(const ParameterSetPtr& set, std::string_view name,
                                       std::string_view value);
    /// `set` without those that the server does not report.
    [[nodiscard]] ParameterSetPtr without_unreported(const ParameterSetPtr& set);
    /// `set` without one.
    [[nodiscard]] ParameterSetPtr without(const ParameterSetPtr& set, std::string_view name);

    /// What PostgreSQL made of a value that a client spelled its own way ("utf8" -> "UTF8"), once seen; else
    /// nullptr.
    [[nodiscard]] const std::string* canonical(std::string_view name, std::string_view spelled) const;
    void learn_canonical(std::string_view name, std::string_view spelled, std::string_view canonical);

  private:
    [[nodiscard]] ParameterSetPtr intern(std::vector<Parameter> parameters);

    ParameterSetPtr empty_;
    std::unordered_multimap<std::size_t, std::weak_ptr<const ParameterSet>> sets_;
    std::size_t sweep_at_ = 64;
    std::unordered_map<std::string, std::string> canonical_;
};

/// Whether a client can set it: ParameterStatus also tells of values that nobody can change by SET, such as
/// server_version or in_hot_standby. Those of a new backend are told to the client instead of set at the
/// backend.
[[nodiscard]] bool settable(std::string_view name);

/// Whether PostgreSQL reports it by itself (PostgreSQL docs, "Asynchronous Operations").
[[nodiscard]] bool reported(std::string_view name);

/// Names compare as PostgreSQL's do: without regard to ASCII case.
[[nodiscard]] bool same_name(std::string_view left, std::string_view right);
[[nodiscard]] bool name_less(std::string_view left, std::string_view right);

/// The names in a list with commas between them.
[[nodiscard]] std::vector<std::string> names_in(std::string_view list);

/// `text` with `value` for the `place` in it, if it has that.
[[nodiscard]] std::string filled_in(std::string_view text, std::string_view place, std::string_view value);

/// `text` as a constant that reads the same whatever standard_conforming_strings is.
[[nodiscard]] std::string quote_literal(std::string_view text);

/// The text of an errand that makes `changes`: one SELECT of set_config() calls, quoted so that it reads the
/// same whatever standard_conforming_strings is; RESETs behind it.
[[nodiscard]] std::string set_statement(std::span<const ParameterChange> changes);

}  // namespace pgring::session
