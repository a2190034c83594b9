// The statements with which a new cluster begins. One line is one statement of single-user mode.
#pragma once

namespace weir::engine::postgres {

// weir_rewind's four functions are those that pg_rewind asks of a source; weir.pulse is the one
// row that weir itself writes, to know that writes work and that replicas confirm them;
// weir.made lists what plans may delete because weir made it.
constexpr const char* kFirstStatements =
    "CREATE ROLE weir_replication LOGIN REPLICATION;\n"
    "CREATE ROLE weir_rewind LOGIN;\n"
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO weir_rewind;\n"
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO weir_rewind;\n"
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO weir_rewind;\n"
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) "
    "TO weir_rewind;\n"
    "CREATE ROLE weir_monitor LOGIN IN ROLE pg_monitor, pg_checkpoint;\n"
    "CREATE ROLE weir_operator LOGIN SUPERUSER;\n"
    "CREATE SCHEMA weir;\n"
    "CREATE TABLE weir.pulse (id integer PRIMARY KEY CHECK (id = 1), beat bigint NOT NULL, "
    "at timestamptz NOT NULL);\n"
    "INSERT INTO weir.pulse VALUES (1, 0, now());\n"
    "CREATE TABLE weir.made (kind text NOT NULL, name text NOT NULL, PRIMARY KEY (kind, name));\n"
    "GRANT SELECT ON weir.made TO weir_monitor;\n"
    "GRANT USAGE ON SCHEMA weir TO weir_monitor;\n"
    "GRANT SELECT, UPDATE ON weir.pulse TO weir_monitor;\n";

}  // namespace weir::engine::postgres
