#pragma once
/// Child processes of the tests: started, watched, ended by pid.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace pgring::e2e {

/// What a child is started with.
struct Command {
    std::vector<std::string> arguments;
    /// Added to the environment of the tests.
    std::map<std::string, std::string> environment{};
    /// Standard output and error; the null device where empty.
    std::string output_file{};
    std::string error_file{};
};

/// A child process. It dies with the tests, whatever ends them, and at the latest with this object.
class Process {
  public:
    /// Throws std::runtime_error when the programme cannot be started.
    explicit Process(const Command& command);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    void signal(int number) const;
    /// The exit status (128 + signal where one ended it), or nothing when it still runs after `limit`.
    [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit);
    [[nodiscard]] bool running() { return !wait(std::chrono::milliseconds(0)).has_value(); }
    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = -1;
    std::optional<int> status_;
};

/// What became of a programme that was run to its end.
struct Outcome {
    int status = -1;
    std::string output;
    std::string error;
};

/// Runs a programme to its end. Throws std::runtime_error when that takes longer than `limit`.
[[nodiscard]] Outcome run(Command command, std::chrono::milliseconds limit);

/// The largest size that a process had in memory (VmHWM of proc(5)), in bytes.
[[nodiscard]] std::size_t memory_peak_bytes(pid_t pid);
/// Its size in memory now (VmRSS), in bytes.
[[nodiscard]] std::size_t memory_bytes(pid_t pid);

/// The whole of a file, empty where there is none.
[[nodiscard]] std::string read_text(const std::string& file);
/// Replaces a file; only its owner may read it.
void write_text(const std::string& file, const std::string& text);

/// The first of `count` ports in a row on which nobody listens, at or above `first`.
[[nodiscard]] int free_ports(int first, int count);

}  // namespace pgring::e2e
