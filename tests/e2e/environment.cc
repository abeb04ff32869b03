#include "environment.h"

#include <cstdlib>
#include <filesystem>

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
