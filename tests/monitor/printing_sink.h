#pragma once
/// A log for people who watch: one line per event, with the milliseconds since the sink was made.

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>

#include <fmt/format.h>

#include "base/log.h"

namespace pgring::monitor {

class PrintingSink final : public base::LogSink {
  public:
    void write(base::LogLevel /*level*/, std::string_view event,
               std::span<const base::LogField> fields) override {
        std::string line(event);
        for (const base::LogField& field : fields) {
            line += fmt::format(" {}=", field.key);
            std::visit([&line](const auto& value) { line += fmt::format("{}", value); }, field.value);
        }
        print(line);
    }

    void print(std::string_view line) {
        const std::scoped_lock lock(mutex_);
        const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start_;
        fmt::print("{:10.1f} {}\n", elapsed.count(), line);
        std::fflush(stdout);
    }

  private:
    std::mutex mutex_;
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace pgring::monitor
