#include "sql/vacated_database.h"

#include <gtest/gtest.h>

namespace pgring::sql {
namespace {

using Names = std::vector<std::string>;

TEST(VacatedDatabases, AreThoseThatNobodyElseMayUse) {
    EXPECT_EQ(vacated_databases("DROP DATABASE app"), Names{"app"});
    EXPECT_EQ(vacated_databases("drop database if exists \"My App\" with (force)"), Names{"My App"});
    EXPECT_EQ(vacated_databases("ALTER DATABASE app RENAME TO old"), Names{"app"});
    EXPECT_EQ(vacated_databases("ALTER DATABASE app SET TABLESPACE fast"), Names{"app"});
    EXPECT_EQ(vacated_databases("SELECT 1; DROP DATABASE App; DROP DATABASE b"), (Names{"app", "b"}));
}

TEST(VacatedDatabases, OfCreateDatabaseIsItsTemplate) {
    EXPECT_EQ(vacated_databases("CREATE DATABASE app"), Names{"template1"});
    EXPECT_EQ(vacated_databases("CREATE DATABASE app TEMPLATE = DEFAULT"), Names{"template1"});
    EXPECT_EQ(vacated_databases("CREATE DATABASE app OWNER me TEMPLATE Model ENCODING 'UTF8'"),
              Names{"model"});
    EXPECT_EQ(vacated_databases("CREATE DATABASE app TEMPLATE 'Model'"), Names{"Model"});
}

TEST(VacatedDatabases, AreNoneOfWhatGoesOnBesideOthers) {
    for (const std::string_view text : {
             "ALTER DATABASE app CONNECTION LIMIT 5",
             "ALTER DATABASE app SET work_mem = '1MB'",
             "ALTER DATABASE app OWNER TO me",
             "ALTER TABLE app RENAME TO old",
             "DROP TABLE app",
             "DROP DATABASE",
         }) {
        EXPECT_EQ(vacated_databases(text), Names{}) << text;
    }
}

}  // namespace
}  // namespace pgring::sql
