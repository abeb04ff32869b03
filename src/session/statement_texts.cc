#include "session/statement_texts.h"

#include <algorithm>

namespace pgring::session {

namespace {

/// Texts that nobody refers to are swept when there are twice as many as at the last sweep, so that it costs
/// each text little.
constexpr std::size_t kSweepAtLeast = 64;

std::size_t hash_of(std::string_view parse_body, std::string_view search_path) {
    std::hash<std::string_view> const hash;
    return hash(parse_body) ^ (hash(search_path) * 31);
}

}  // namespace

std::shared_ptr<StatementText> StatementTexts::shared(std::string_view parse_body,
                                                      std::string_view search_path) {
    std::size_t const hash = hash_of(parse_body, search_path);
    std::scoped_lock const lock(mutex_);
    if (std::shared_ptr<StatementText> text = known(hash, parse_body, search_path)) {
        return text;
    }
    if (texts_.size() >= sweep_at_) {
        std::erase_if(texts_, [](const auto& item) { return item.second.expired(); });
        sweep_at_ = std::max(kSweepAtLeast, texts_.size() * 2);
    }
    std::shared_ptr<StatementText> made = make(parse_body, search_path);
    if (made != nullptr) {
        texts_.emplace(hash, made);
    }
    return made;
}

std::shared_ptr<StatementText> StatementTexts::find(std::string_view parse_body,
                                                    std::string_view search_path) {
    std::scoped_lock const lock(mutex_);
    return known(hash_of(parse_body, search_path), parse_body, search_path);
}

std::shared_ptr<StatementText> StatementTexts::known(std::size_t hash, std::string_view parse_body,
                                                     std::string_view search_path) {
    auto const [begin, end] = texts_.equal_range(hash);
    for (auto at = begin; at != end; ++at) {
        std::shared_ptr<StatementText> text = at->second.lock();
        if (text != nullptr && text->parse_body == parse_body && text->search_path == search_path) {
            return text;
        }
    }
    return nullptr;
}

std::shared_ptr<StatementText> StatementTexts::own(std::string_view parse_body,
                                                   std::string_view search_path) {
    std::scoped_lock const lock(mutex_);
    return make(parse_body, search_path);
}

std::shared_ptr<StatementText> StatementTexts::make(std::string_view parse_body,
                                                    std::string_view search_path) {
    if (next_number_ == kNoStatement) {
        return nullptr;
    }
    auto text = std::make_shared<StatementText>();
    text->number = next_number_++;
    text->parse_body = parse_body;
    text->search_path = search_path;
    return text;
}

}  // namespace pgring::session
