#include "sql/tree.h"

#include <algorithm>
#include <array>

namespace pgring::sql {

namespace {

struct ChildField {
    Message parent;
    std::uint32_t id;
    Message child;
};

constexpr ChildField kChildFields[] = {
#define CHILD(parent, id, child) {Message::parent, id, Message::child},
#include "sql/tree_children.inc"
#undef CHILD
};

/// For each message, where its row begins in `kChildKinds`; a row is as long as the message's highest child
/// field.
constexpr auto kRowBegins = [] {
    std::array<std::uint16_t, kMessageCount + 1> begins{};
    for (const ChildField& field : kChildFields) {
        std::uint16_t& width = begins[static_cast<std::size_t>(field.parent) + 1];
        width = std::max<std::uint16_t>(width, static_cast<std::uint16_t>(field.id + 1));
    }
    for (std::size_t message = 1; message < begins.size(); ++message) {
        begins[message] = static_cast<std::uint16_t>(begins[message] + begins[message - 1]);
    }
    return begins;
}();

constexpr auto kChildKinds = [] {
    std::array<Message, kRowBegins.back()> kinds{};
    for (const ChildField& field : kChildFields) {
        kinds[kRowBegins[static_cast<std::size_t>(field.parent)] + field.id] = field.child;
    }
    return kinds;
}();

/// The kind of message in field `id` of `parent`, None where the field holds no message.
Message child_kind(Message parent, std::uint32_t id) {
    const std::size_t begin = kRowBegins[static_cast<std::size_t>(parent)];
    const std::size_t end = kRowBegins[static_cast<std::size_t>(parent) + 1];
    return id < end - begin ? kChildKinds[begin + id] : Message::None;
}

/// Steps from the wrapper `Node` to the node in it. An empty wrapper (a null in a list) stays a `Node`
/// without children.
TreeNode unwrapped(Message kind, std::string_view bytes) {
    if (kind == Message::Node) {
        TreeField field;
        if (TreeFields(bytes).next(field)) {
            return {child_kind(Message::Node, field.id), field.bytes};
        }
    }
    return {kind, bytes};
}

}  // namespace

bool TreeFields::take_varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
        if ((byte & 0x80U) == 0) {
            return true;
        }
    }
    return false;
}

bool TreeFields::take_bytes(std::uint64_t size, std::string_view& bytes) {
    if (size > rest_.size()) {
        return false;
    }
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
}

bool TreeFields::next(TreeField& field) {
    std::uint64_t tag = 0;
    if (!take_varint(tag)) {
        return false;
    }
    field = {.id = static_cast<std::uint32_t>(tag >> 3U), .number = 0, .bytes = {}};
    switch (tag & 7U) {  // Protobuf docs, "Encoding": the wire type.
        case 0:
            return take_varint(field.number);
        case 2: {
            std::uint64_t size = 0;
            return take_varint(size) && take_bytes(size, field.bytes);
        }
        default:
            return false;  // The schema has no fixed-size fields and no groups.
    }
}

TreeNode TreeNode::child(std::uint32_t id) const {
    const Message kind = child_kind(kind_, id);
    TreeFields fields(bytes_);
    for (TreeField field; kind != Message::None && fields.next(field);) {
        if (field.id == id) {
            return unwrapped(kind, field.bytes);
        }
    }
    return {};
}

std::vector<TreeNode> TreeNode::children(std::uint32_t id) const {
    std::vector<TreeNode> found;
    const Message kind = child_kind(kind_, id);
    TreeFields fields(bytes_);
    for (TreeField field; kind != Message::None && fields.next(field);) {
        if (field.id == id) {
            found.push_back(unwrapped(kind, field.bytes));
        }
    }
    return found;
}

void TreeNode::append_children(std::vector<TreeNode>& to) const {
    TreeFields fields(bytes_);
    for (TreeField field; fields.next(field);) {
        const Message kind = child_kind(kind_, field.id);
        if (kind != Message::None) {
            to.push_back(unwrapped(kind, field.bytes));
        }
    }
}

std::string_view TreeNode::string(std::uint32_t id) const {
    TreeFields fields(bytes_);
    for (TreeField field; fields.next(field);) {
        if (field.id == id) {
            return field.bytes;
        }
    }
    return {};
}

std::int64_t TreeNode::number(std::uint32_t id) const {
    TreeFields fields(bytes_);
    for (TreeField field; fields.next(field);) {
        if (field.id == id) {
            return static_cast<std::int64_t>(field.number);
        }
    }
    return 0;
}

bool TreeNode::has_only(std::initializer_list<std::uint32_t> ids) const {
    TreeFields fields(bytes_);
    for (TreeField field; fields.next(field);) {
        if (std::ranges::find(ids, field.id) == ids.end()) {
            return false;
        }
    }
    return true;
}

std::vector<std::string_view> strings_of(TreeNode parent, std::uint32_t id) {
    std::vector<std::string_view> strings;
    for (const TreeNode node : parent.children(id)) {
        if (node.kind() == Message::String) {
            strings.push_back(node.string(field::kStringSval));
        }
    }
    return strings;
}

}  // namespace pgring::sql
