/// Prints a part of the generated reference: `config-reference example` is configs/pgring.toml,
/// `config-reference page` is docs/configuration.md. tools/make-config-reference writes both where they
/// belong.

#include <cstdio>
#include <string>
#include <string_view>

#include "config/reference.h"

int main(int argument_count, char** arguments) {
    const std::string_view part = argument_count == 2 ? arguments[1] : "";
    std::string text;
    if (part == "example") {
        text = pgring::config::example_file();
    } else if (part == "page") {
        text = pgring::config::reference_page();
    } else {
        std::fputs("usage: config-reference example | page\n", stderr);
        return 2;
    }
    const bool written =
        std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return written ? 0 : 1;
}
