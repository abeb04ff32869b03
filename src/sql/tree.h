#pragma once
/// PostgreSQL's parse tree, as libpg_query serialises it in protobuf's wire form, walked in place: a node is
/// its kind and its bytes, nothing is unpacked, and walking needs no recursion whatever the depth of the
/// tree.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "sql/tree_schema.h"

namespace pgring::sql {

/// One field of a message. Numbers (also of 32 and 64 fixed bits) stand in `number`, everything else in
/// `bytes`.
struct TreeField {
    std::uint32_t id = 0;
    std::uint64_t number = 0;
    std::string_view bytes;
};

/// Reads the fields of one message in order. Malformed bytes end it; libpg_query does not make any.
class TreeFields {
  public:
    explicit TreeFields(std::string_view message) : rest_(message) {}

    /// Moves on to the next field; false at the end.
    [[nodiscard]] bool next(TreeField& field);

  private:
    [[nodiscard]] bool take_varint(std::uint64_t& value);
    [[nodiscard]] bool take_bytes(std::uint64_t size, std::string_view& bytes);

    std::string_view rest_;
};

/// A message of the tree. A value of two words; borrows the bytes of the ParseTree it came from. Where
/// PostgreSQL's tree says "some node" (message `Node`), what is handed out is the node itself.
class TreeNode {
  public:
    TreeNode() = default;
    TreeNode(Message kind, std::string_view bytes) : kind_(kind), bytes_(bytes) {}

    [[nodiscard]] Message kind() const { return kind_; }
    [[nodiscard]] bool exists() const { return kind_ != Message::None; }

    /// The message in field `id`, or one that does not exist. Of a repeated field, the first.
    [[nodiscard]] TreeNode child(std::uint32_t id) const;
    /// The messages of the repeated field `id`, in order.
    [[nodiscard]] std::vector<TreeNode> children(std::uint32_t id) const;
    /// Appends every message directly below this one.
    void append_children(std::vector<TreeNode>& to) const;

    /// A string field, empty where it is not there: protobuf does not tell these apart.
    [[nodiscard]] std::string_view string(std::uint32_t id) const;
    /// A field of integer or enum type, 0 where it is not there.
    [[nodiscard]] std::int64_t number(std::uint32_t id) const;
    [[nodiscard]] bool flag(std::uint32_t id) const { return number(id) != 0; }
    /// Whether no field but these is set.
    [[nodiscard]] bool has_only(std::initializer_list<std::uint32_t> ids) const;
    template <class Enum>
    [[nodiscard]] Enum enumerator(std::uint32_t id) const {
        return static_cast<Enum>(number(id));
    }

  private:
    Message kind_ = Message::None;
    std::string_view bytes_;
};

/// The strings of a list of String nodes, e.g. the parts of a qualified name.
[[nodiscard]] std::vector<std::string_view> strings_of(TreeNode parent, std::uint32_t id);

}  // namespace pgring::sql
