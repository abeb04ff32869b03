#include "session/row_shape.h"

#include <string>

#include <gtest/gtest.h>

namespace pgring::session {
namespace {

struct Column {
    std::string name;
    std::uint32_t table = 1;
    std::uint32_t type = 23;
    std::uint32_t modifier = 0xffffffffU;
    std::uint16_t format = 0;
};

std::string number(std::uint32_t value, unsigned bytes) {
    std::string text;
    while (bytes-- > 0) {
        text.push_back(static_cast<char>(value >> (8 * bytes)));
    }
    return text;
}

std::string body_of(const std::vector<Column>& columns) {
    std::string body = number(static_cast<std::uint32_t>(columns.size()), 2);
    for (const Column& column : columns) {
        body += column.name + '\0' + number(column.table, 4) + number(1, 2) + number(column.type, 4) +
                number(4, 2) + number(column.modifier, 4) + number(column.format, 2);
    }
    return body;
}

RowShape shape_of(const std::string& body) {
    return row_shape(std::as_bytes(std::span(body)));
}

TEST(RowShape, IsMadeOfNamesTypesAndModifiers) {
    RowShape const shape = shape_of(body_of({{.name = "a"}, {.name = "b"}}));
    EXPECT_EQ(shape, shape_of(body_of({{.name = "a"}, {.name = "b"}})));
    EXPECT_NE(shape, shape_of(body_of({{.name = "a"}})));
    EXPECT_NE(shape, shape_of(body_of({{.name = "b"}, {.name = "a"}})));
    EXPECT_NE(shape, shape_of(body_of({{.name = "a"}, {.name = "b", .type = 25}})));
    EXPECT_NE(shape, shape_of(body_of({{.name = "a"}, {.name = "b", .modifier = 8}})));
}

TEST(RowShape, DoesNotDependOnTableAndFormat) {
    EXPECT_EQ(shape_of(body_of({{.name = "a", .table = 1, .format = 0}})),
              shape_of(body_of({{.name = "a", .table = 2, .format = 1}})));
}

TEST(RowShape, OfNoColumnsIsOne) {
    EXPECT_GT(shape_of(body_of({})), kTooWide);
}

TEST(RowShape, OfAMalformedBodyIsNone) {
    std::string const body = body_of({{.name = "a"}});
    for (std::size_t size = 0; size < body.size(); ++size) {
        EXPECT_EQ(shape_of(body.substr(0, size)), kNoShape) << size;
    }
    EXPECT_EQ(shape_of(body + "x"), kNoShape);
}

}  // namespace
}  // namespace pgring::session
