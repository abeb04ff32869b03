#pragma once
/// The log: structured events of the core, written by spdlog to standard error as text or JSON lines.

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/log.h"
#include "config/settings.h"

namespace spdlog {
class logger;
}

namespace pgring {

/// Accepts events from every thread. An event that comes too often is dropped for the rest of the second, and
/// how often that happened is said with its next occurrence: a log must not become the load. Formatting
/// allocates.
class LogSink final : public base::LogSink {
  public:
    LogSink(base::LogLevel level, config::LogFormat format);
    ~LogSink() override;

    void write(base::LogLevel level, std::string_view event, std::span<const base::LogField> fields) override;

  private:
    struct Rate {
        std::int64_t second = 0;
        std::uint32_t count = 0;
        std::uint64_t suppressed = 0;
    };
    /// How many of this event were dropped since it was last written, or nothing where this one is to be
    /// dropped too.
    [[nodiscard]] std::optional<std::uint64_t> admit(std::string_view event);

    base::LogLevel level_;
    config::LogFormat format_;
    std::shared_ptr<spdlog::logger> logger_;
    std::mutex mutex_;
    std::unordered_map<std::string, Rate> rates_;
};

}  // namespace pgring
