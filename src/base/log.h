#pragma once
/// The log as the core sees it: named events with fields, written to a sink that somebody else owns. The sink formats,
/// rate-limits and writes (main/log_sink.h); tests collect. Never pass a secret.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <variant>

namespace pgring::base {

enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error };

/// One `key=value` of an event; both are borrowed until write() returns.
struct LogField {
    std::string_view key;
    std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    LogField(std::string_view k, int v) : key(k), value(static_cast<std::int64_t>(v)) {}
    LogField(std::string_view k, unsigned v) : key(k), value(static_cast<std::uint64_t>(v)) {}
    LogField(std::string_view k, long v) : key(k), value(static_cast<std::int64_t>(v)) {}
    LogField(std::string_view k, unsigned long v) : key(k), value(static_cast<std::uint64_t>(v)) {}
    LogField(std::string_view k, double v) : key(k), value(v) {}
    LogField(std::string_view k, bool v) : key(k), value(v) {}
};

/// Where events go. Implementations must accept calls from every thread.
class LogSink {
  public:
    LogSink() = default;
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;
    virtual ~LogSink() = default;

    /// Writes one event, e.g. `client_login`. `event` is a stable snake_case name that runbooks may match on.
    virtual void write(LogLevel level, std::string_view event, std::span<const LogField> fields) = 0;

    void debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(LogLevel::Debug, event, {fields.begin(), fields.size()});
    }
    void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(LogLevel::Info, event, {fields.begin(), fields.size()});
    }
    void warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(LogLevel::Warning, event, {fields.begin(), fields.size()});
    }
    void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(LogLevel::Error, event, {fields.begin(), fields.size()});
    }
};

/// Drops everything.
class LogNothing final : public LogSink {
  public:
    void write(LogLevel, std::string_view, std::span<const LogField>) override {}
};

}  // namespace pgring::base
