#include "main/log_sink.h"

#include <chrono>
#include <optional>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace pgring {

namespace {

/// Lines of one event in one second.
constexpr std::uint32_t kLinesPerSecond = 200;

spdlog::level::level_enum to_spdlog(base::LogLevel level) {
    switch (level) {
        case base::LogLevel::Debug:
            return spdlog::level::debug;
        case base::LogLevel::Info:
            return spdlog::level::info;
        case base::LogLevel::Warning:
            return spdlog::level::warn;
        case base::LogLevel::Error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

void append_escaped(fmt::memory_buffer& line, std::string_view text) {
    line.push_back('"');
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            line.push_back('\\');
            line.push_back(c);
        } else if (byte < 0x20) {
            fmt::format_to(std::back_inserter(line), "\\u{:04x}", byte);
        } else {
            line.push_back(c);
        }
    }
    line.push_back('"');
}

bool is_plain(std::string_view text) {
    return !text.empty() && text.find_first_of(" \"=\\\n\t\r") == std::string_view::npos;
}

struct AppendValue {
    fmt::memory_buffer& line;
    config::LogFormat format;

    void operator()(std::string_view text) const {
        if (format == config::LogFormat::Text && is_plain(text)) {
            line.append(text);
        } else {
            append_escaped(line, text);
        }
    }
    void operator()(bool value) const { line.append(std::string_view(value ? "true" : "false")); }
    template <class Number>
    void operator()(Number value) const {
        fmt::format_to(std::back_inserter(line), "{}", value);
    }
};

}  // namespace

LogSink::LogSink(base::LogLevel level, config::LogFormat format) : level_(level), format_(format) {
    logger_ = std::make_shared<spdlog::logger>("pgring", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger_->set_level(to_spdlog(level));
    logger_->flush_on(spdlog::level::debug);
    logger_->set_pattern(format == config::LogFormat::Json
                             ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                             : "%Y-%m-%d %H:%M:%S.%e %z %l %v");
}

LogSink::~LogSink() = default;

std::optional<std::uint64_t> LogSink::admit(std::string_view event) {
    std::int64_t const second =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    std::scoped_lock const lock(mutex_);
    Rate& rate = rates_[std::string(event)];
    if (rate.second != second) {
        rate.second = second;
        rate.count = 0;
    }
    if (rate.count >= kLinesPerSecond) {
        ++rate.suppressed;
        return std::nullopt;
    }
    ++rate.count;
    return std::exchange(rate.suppressed, 0);
}

void LogSink::write(base::LogLevel level, std::string_view event, std::span<const base::LogField> fields) {
    if (level < level_) {
        return;
    }
    std::optional<std::uint64_t> const suppressed = admit(event);
    if (!suppressed.has_value()) {
        return;
    }
    fmt::memory_buffer line;
    bool const json = format_ == config::LogFormat::Json;
    if (json) {
        line.append(std::string_view("\"event\":"));
        append_escaped(line, event);
    } else {
        line.append(event);
    }
    auto const append = [this, &line, json](const base::LogField& field) {
        if (json) {
            line.push_back(',');
            append_escaped(line, field.key);
            line.push_back(':');
        } else {
            line.push_back(' ');
            line.append(field.key);
            line.push_back('=');
        }
        std::visit(AppendValue{line, format_}, field.value);
    };
    for (const base::LogField& field : fields) {
        // An empty text says nothing.
        const auto* text = std::get_if<std::string_view>(&field.value);
        if (text == nullptr || !text->empty()) {
            append(field);
        }
    }
    if (*suppressed > 0) {
        append({"suppressed", static_cast<unsigned long>(*suppressed)});
    }
    logger_->log(to_spdlog(level), fmt::string_view(line.data(), line.size()));
}

}  // namespace pgring
