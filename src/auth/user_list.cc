#include "auth/user_list.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "auth/crypto.h"
#include "base/contract.h"

namespace pgring::auth {
namespace {

void skip_blanks(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r\f\v"), line.size()));
}

/// A value in double quotes at the beginning of `line`, which is cut behind it; nothing where there is none
/// or it does not end. In wiped memory, for it may be a password.
std::optional<SecretText> take_quoted(std::string_view& line) {
    if (!line.starts_with('"')) {
        return std::nullopt;
    }
    line.remove_prefix(1);
    SecretText value;
    for (;;) {
        const std::size_t quote = line.find('"');
        if (quote == std::string_view::npos) {
            return std::nullopt;
        }
        value.append(line.substr(0, quote));
        line.remove_prefix(quote + 1);
        if (!line.starts_with('"')) {
            return value;
        }
        value.append("\"");
        line.remove_prefix(1);
    }
}

struct Entry {
    std::string user;
    SecretText secret;
};

std::optional<Entry> parse_line(std::string_view line) {
    const auto user = take_quoted(line);
    skip_blanks(line);
    auto secret = user ? take_quoted(line) : std::nullopt;
    if (!secret) {
        return std::nullopt;
    }
    return Entry{.user = std::string(user->view()), .secret = std::move(*secret)};
}

/// The secret that `previous` has for the user, where it was made of the same password and salt.
const Secret* unchanged(const Entry& entry, const ProcessSecret& process_secret, const UserList* previous) {
    const Secret* secret = previous != nullptr ? previous->find(entry.user) : nullptr;
    const auto* plain = secret != nullptr ? std::get_if<PlainPassword>(secret) : nullptr;
    const bool same = plain != nullptr && constant_time_equal(plain->password.view(), entry.secret.view()) &&
                      plain->scram.salt == process_secret.salt_of(entry.user);
    return same ? secret : nullptr;
}

/// What is wrong with a line and what to write instead.
struct Complaint {
    std::string_view message;
    std::string_view remedy;
};

constexpr Complaint kNoEntry = {
    .message = "this is no user with a secret",
    .remedy = R"(write "user" "secret" in double quotes on one line, with "" for a quote inside)"};
constexpr Complaint kBadName = {.message = "the user's name is empty or holds a NUL byte",
                                .remedy = "write the role's name as PostgreSQL knows it"};

Complaint complaint_of(SecretError error) {
    switch (error) {
        case SecretError::PasswordTooLong:
            return {.message = "the password is longer than 65535 bytes", .remedy = "write a shorter one"};
        case SecretError::PasswordHasNul:
            return {.message = "the password holds a NUL byte, which no client can send",
                    .remedy = "write the file as text"};
        case SecretError::ScramMalformed:
            return {.message = "the SCRAM secret is malformed or has more than 1000000 iterations",
                    .remedy =
                        "copy it whole from pg_authid.rolpassword: "
                        "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey"};
    }
    ASSERT(false);
}

/// The secret of an entry: the one of `previous` where it may be taken over, else a new one.
std::expected<Secret, Complaint> secret_of(const Entry& entry, const ProcessSecret& process_secret,
                                           const UserList* previous) {
    if (entry.user.empty() || entry.user.find('\0') != std::string::npos) {
        return std::unexpected(kBadName);
    }
    if (const Secret* known = unchanged(entry, process_secret, previous)) {
        return *known;
    }
    auto secret = parse_secret(entry.secret.view(), entry.user, process_secret);
    if (!secret) {
        return std::unexpected(complaint_of(secret.error()));
    }
    return std::move(*secret);
}

Method method_of_most(std::size_t user_count, std::size_t scram_count) {
    return 2 * scram_count >= user_count ? Method::ScramSha256 : Method::Md5;
}

}  // namespace

std::expected<UserList, std::vector<Problem>> UserList::parse(std::string_view text,
                                                              std::string_view file_name,
                                                              const ProcessSecret& process_secret,
                                                              const UserList* previous) {
    UserList list;
    std::vector<Problem> problems;
    for (std::uint32_t line_number = 1; !text.empty(); ++line_number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        skip_blanks(line);
        if (line.empty() || line.front() == ';' || line.front() == '#') {
            continue;
        }
        const auto entry = parse_line(line);
        auto secret = entry ? secret_of(*entry, process_secret, previous) : std::unexpected(kNoEntry);
        if (!secret) {
            problems.push_back({.file = std::string(file_name),
                                .line = line_number,
                                .message = std::string(secret.error().message),
                                .remedy = std::string(secret.error().remedy)});
            continue;
        }
        list.secrets_.insert_or_assign(entry->user, std::move(*secret));
    }
    if (!problems.empty()) {
        return std::unexpected(std::move(problems));
    }
    const auto scram_count = std::ranges::count_if(
        list.secrets_, [](const auto& user) { return std::holds_alternative<ScramSecret>(user.second); });
    list.method_for_unknown_ = method_of_most(list.size(), static_cast<std::size_t>(scram_count));
    return list;
}

const Secret* UserList::find(std::string_view user) const {
    const auto found = secrets_.find(user);
    return found != secrets_.end() ? &found->second : nullptr;
}

}  // namespace pgring::auth
