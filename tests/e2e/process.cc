#include "process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wait.h"

namespace pgring::e2e {

namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

/// The tests' own environment without PG* variables, and with what the command adds.
std::vector<std::string> environment_of(const Command& command) {
    std::vector<std::string> entries;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        std::string const text = *entry;
        if (!text.starts_with("PG")) {
            entries.push_back(text);
        }
    }
    for (const auto& [name, value] : command.environment) {
        entries.push_back(name + "=" + value);
    }
    return entries;
}

/// In the child: async-signal-safe calls only, the tests have threads.
void redirect(const std::string& file, int descriptor) {
    const char* const name = file.empty() ? "/dev/null" : file.c_str();
    int const opened = ::open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (opened < 0 || ::dup2(opened, descriptor) < 0) {
        ::_exit(126);
    }
}

std::size_t status_bytes(pid_t pid, const std::string& field) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    std::string line;
    while (std::getline(status, line)) {
        if (line.starts_with(field)) {
            return std::stoul(line.substr(field.size())) * 1024;
        }
    }
    throw std::runtime_error(fmt::format("process {} is gone", pid));
}

bool is_free(int port) {
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int const on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool const free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return free;
}

}  // namespace

Process::Process(const Command& command) {
    std::vector<std::string> arguments = command.arguments;
    std::vector<std::string> environment = environment_of(command);
    std::vector<char*> const argument_pointers = pointers(arguments);
    std::vector<char*> const environment_pointers = pointers(environment);
    pid_t const parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) {
        throw std::runtime_error(fmt::format("cannot fork: {}", std::strerror(errno)));
    }
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) {
            ::_exit(126);
        }
        int const null = ::open("/dev/null", O_RDONLY);
        ::dup2(null, STDIN_FILENO);
        redirect(command.output_file, STDOUT_FILENO);
        redirect(command.error_file, STDERR_FILENO);
        ::execvpe(argument_pointers.front(), argument_pointers.data(), environment_pointers.data());
        ::_exit(127);
    }
}

Process::~Process() {
    if (running()) {
        signal(SIGKILL);
        static_cast<void>(wait(std::chrono::seconds(10)));
    }
}

void Process::signal(int number) const {
    if (!status_.has_value()) {
        ::kill(pid_, number);
    }
}

std::optional<int> Process::wait(std::chrono::milliseconds limit) {
    static_cast<void>(eventually(limit, [this] {
        if (status_.has_value()) {
            return true;
        }
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        return status_.has_value();
    }));
    return status_;
}

Outcome run(Command command, std::chrono::milliseconds limit) {
    std::string folder = "/tmp/pgring-run-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) {
        throw std::runtime_error("cannot make a folder in /tmp");
    }
    command.output_file = folder + "/output";
    command.error_file = folder + "/error";
    std::optional<int> status;
    {
        Process process(command);
        status = process.wait(limit);
    }
    Outcome outcome{.status = status.value_or(-1),
                    .output = read_text(command.output_file),
                    .error = read_text(command.error_file)};
    ::unlink(command.output_file.c_str());
    ::unlink(command.error_file.c_str());
    ::rmdir(folder.c_str());
    if (!status.has_value()) {
        throw std::runtime_error(fmt::format("{} did not end within {} ms; it said: {}{}",
                                             command.arguments.front(), limit.count(), outcome.output,
                                             outcome.error));
    }
    return outcome;
}

std::size_t memory_peak_bytes(pid_t pid) {
    return status_bytes(pid, "VmHWM:");
}

std::size_t memory_bytes(pid_t pid) {
    return status_bytes(pid, "VmRSS:");
}

std::string read_text(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

void write_text(const std::string& file, const std::string& text) {
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    ::chmod(file.c_str(), 0600);
    stream << text;
    if (!stream.flush()) {
        throw std::runtime_error("cannot write " + file);
    }
}

int free_ports(int first, int count) {
    // Below the ports that the kernel gives to outgoing connections (from 32768 on).
    for (int port = first; port + count < 32768; port += count) {
        int offset = 0;
        while (offset < count && is_free(port + offset)) {
            ++offset;
        }
        if (offset == count) {
            return port;
        }
    }
    throw std::runtime_error("no free ports");
}

}  // namespace pgring::e2e
