/// Runs a fuzz target over inputs that are kept: fuzz_TARGET_replay FILE_OR_FOLDER... Any compiler can build
/// it, so that what the fuzzer once found is tested everywhere.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> files_of(int count, char** names) {
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < count; ++i) {
        std::filesystem::path const path = names[i];
        if (!std::filesystem::is_directory(path)) {
            files.push_back(path);
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            files.push_back(entry.path());
        }
    }
    return files;
}

}  // namespace

int main(int count, char** names) {
    std::vector<std::filesystem::path> const files = files_of(count, names);
    for (const std::filesystem::path& file : files) {
        std::ifstream stream(file, std::ios::binary);
        std::string const input{std::istreambuf_iterator<char>(stream), {}};
        if (!stream.good() && !stream.eof()) {
            std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
            return 1;
        }
        // Before the input runs, so that a crash names it.
        std::printf("%s\n", file.c_str());
        std::fflush(stdout);
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    }
    std::printf("%zu inputs\n", files.size());
    return files.empty() ? 1 : 0;
}
