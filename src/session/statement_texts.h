#pragma once
/// Texts of prepared statements, shared by all workers: each has one number in the process, so that what one
/// worker prepared at a backend is known by the same name to the worker that has the backend next.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "session/pipeline.h"

namespace pgring::session {

/// A text with its parameter types. Only the atomic ones ever change.
struct StatementText {
    /// Never kNoStatement, never used again for the same destination.
    std::uint32_t number = kNoStatement;
    /// The body of Parse behind the statement's name: text, zero byte, parameter types.
    std::string parse_body;
    /// What its names meant when it was prepared.
    std::string search_path;
    /// Goes up when its rows are found to have changed: a backend that prepared it before must do so again.
    std::atomic<std::uint32_t> version{1};
    /// A server of the destination has accepted it, so that a further Parse of it can be answered without
    /// one.
    std::atomic<bool> accepted{false};
};

/// Those of one destination. Every call is safe from every worker; it locks, and is made only when a worker
/// first meets a text. A text is kept as long as a worker refers to it.
class StatementTexts {
  public:
    StatementTexts() = default;
    StatementTexts(const StatementTexts&) = delete;
    StatementTexts& operator=(const StatementTexts&) = delete;

    /// The one text of these; nullptr where all numbers are used up.
    [[nodiscard]] std::shared_ptr<StatementText> shared(std::string_view parse_body,
                                                        std::string_view search_path);
    /// The same, but nullptr where no worker refers to it.
    [[nodiscard]] std::shared_ptr<StatementText> find(std::string_view parse_body,
                                                      std::string_view search_path);
    /// One that nobody else gets, whatever it says.
    [[nodiscard]] std::shared_ptr<StatementText> own(std::string_view parse_body,
                                                     std::string_view search_path);

  private:
    [[nodiscard]] std::shared_ptr<StatementText> known(std::size_t hash, std::string_view parse_body,
                                                       std::string_view search_path);
    [[nodiscard]] std::shared_ptr<StatementText> make(std::string_view parse_body,
                                                      std::string_view search_path);

    std::mutex mutex_;
    /// By hash.
    std::unordered_multimap<std::size_t, std::weak_ptr<StatementText>> texts_;
    std::size_t sweep_at_ = 64;
    std::uint32_t next_number_ = 1;
};

/// Finds the texts that the workers share by the destination. Locks; called when a worker first meets one.
class StatementTextsRegistry {
  public:
    [[nodiscard]] std::shared_ptr<StatementTexts> texts(const std::string& key) {
        std::scoped_lock const lock(mutex_);
        std::shared_ptr<StatementTexts>& texts = texts_[key];
        if (texts == nullptr) {
            texts = std::make_shared<StatementTexts>();
        }
        return texts;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<StatementTexts>> texts_;
};

}  // namespace pgring::session
