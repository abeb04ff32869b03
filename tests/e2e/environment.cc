#include "environment.h"

#include <cstdlib>
#include <filesystem>

#include "wait.h"

namespace pgring::e2e {

// PGRING_PROGRAM, PGRING_SOURCE_ROOT and PGRING_LOG_FOLDER are defined by the build.

void Environment::SetUp() {
    log_folder_ = PGRING_LOG_FOLDER;
    std::filesystem::remove_all(log_folder_);
    std::filesystem::create_directories(log_folder_);
    cluster_ = std::make_unique<Cluster>(PGRING_SOURCE_ROOT "/tools/cluster", log_folder_);
    pgring_ = std::make_unique<PgringProcess>("shared", *cluster_);
}

void Environment::TearDown() {
    pgring_.reset();
    cluster_.reset();
}

Environment& environment() {
    static auto* const only = static_cast<Environment*>(testing::AddGlobalTestEnvironment(new Environment));
    return *only;
}

bool EndToEnd::runs(const std::string& words, int count) {
    std::string const text = "select count(*) from pg_stat_activity where position('" + words +
                             "' in query) > 0 and pid <> pg_backend_pid() and state = 'active'";
    Connection one(cluster().direct("pg-0"));
    Connection other(cluster().direct("pg-1"));
    return eventually(std::chrono::seconds(10),
                      [&] { return std::stoi(one.value(text)) + std::stoi(other.value(text)) == count; });
}

std::string pgring_program() {
    const char* const other = std::getenv("PGRING_PROGRAM");
    return other == nullptr ? PGRING_PROGRAM : other;
}

}  // namespace pgring::e2e

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    static_cast<void>(pgring::e2e::environment());
    return RUN_ALL_TESTS();
}
