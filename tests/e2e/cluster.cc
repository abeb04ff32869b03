#include "cluster.h"

#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "wait.h"

namespace pgring::e2e {

namespace {

using namespace std::chrono_literals;

/// Ports of the nodes are looked for from here on.
constexpr int kPortFirst = 6700;

/// $1 is the folder that holds the cluster, $2 tools/cluster, $3 where logs go.
constexpr const char* kGuardianScript = R"(
trap '' INT TERM HUP
cat >/dev/null
"$2" --directory "$1/cluster" down >/dev/null 2>&1
cp -r "$1/cluster/log/." "$3" 2>/dev/null
"$2" --directory "$1/cluster" down --destroy >/dev/null 2>&1
rm -rf "$1"
)";

std::string make_folder() {
    std::string folder = "/tmp/pgring-e2e-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) {
        throw std::runtime_error("cannot make a folder in /tmp");
    }
    // The servers' user has to get through.
    ::chmod(folder.c_str(), 0755);
    return folder;
}

}  // namespace

Cluster::Cluster(std::string program, const std::string& log_folder) : program_(std::move(program)) {
    directory_ = make_folder() + "/cluster";
    start_guardian(log_folder);
    port_ = free_ports(kPortFirst, 2);
    command({"up", "--port", std::to_string(port_), "--no-fsync"});
    std::istringstream lines(read_text(directory_ + "/.env"));
    for (std::string line; std::getline(lines, line);) {
        if (std::size_t const equals = line.find('=');
            !line.starts_with('#') && equals != std::string::npos) {
            environment_[line.substr(0, equals)] = line.substr(equals + 1);
        }
    }
}

Cluster::~Cluster() {
    ::close(leash_);
    ::waitpid(guardian_, nullptr, 0);
}

void Cluster::start_guardian(const std::string& log_folder) {
    std::string const folder = directory_.substr(0, directory_.rfind('/'));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw std::runtime_error("cannot make a pipe");
    }
    guardian_ = ::fork();
    if (guardian_ == 0) {
        // A session of its own: what ends the tests' process group leaves the guardian alone.
        ::setsid();
        ::dup2(ends[0], STDIN_FILENO);
        ::execl("/bin/sh", "sh", "-c", kGuardianScript, "guardian", folder.c_str(), program_.c_str(),
                log_folder.c_str(), nullptr);
        ::_exit(127);
    }
    ::close(ends[0]);
    leash_ = ends[1];
}

std::string Cluster::command(const std::vector<std::string>& arguments, std::chrono::seconds limit) const {
    Command line{.arguments = {program_, "--directory", directory_}};
    line.arguments.insert(line.arguments.end(), arguments.begin(), arguments.end());
    Outcome const outcome = e2e::run(line, limit);
    if (outcome.status != 0) {
        throw std::runtime_error(
            fmt::format("tools/cluster {}: {}{}", arguments.front(), outcome.output, outcome.error));
    }
    return outcome.output;
}

std::string Cluster::psql(const std::string& node, const std::string& text) const {
    std::string output = command({"psql", node, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text});
    while (output.ends_with('\n')) {
        output.pop_back();
    }
    return output;
}

Parameters Cluster::direct(const std::string& node) const {
    return {{"host", "127.0.0.1"},
            {"port", std::to_string(port(node))},
            {"user", variable("POSTGRES_USER")},
            {"password", variable("POSTGRES_PASSWORD")},
            {"dbname", variable("POSTGRES_DB")},
            {"sslmode", "disable"},
            {"gssencmode", "disable"}};
}

std::string Cluster::primary() const {
    for (const std::string node : {"pg-0", "pg-1"}) {
        try {
            if (Connection(direct(node)).value("select pg_is_in_recovery()") == "f") {
                return node;
            }
        } catch (const SqlError&) {
            // It is down; the other one may be the primary.
        }
    }
    throw std::runtime_error("the cluster has no primary");
}

void Cluster::wait_for_replay() const {
    std::string const leader = primary();
    std::string const written = Connection(direct(leader)).value("select pg_current_wal_lsn()");
    Connection follower(direct(other(leader)));
    if (!eventually(20s, [&follower, &written] {
            return follower.value("select pg_last_wal_replay_lsn() >= '" + written + "'") == "t";
        })) {
        throw std::runtime_error("the standby did not catch up");
    }
}

}  // namespace pgring::e2e
