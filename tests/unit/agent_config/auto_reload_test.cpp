#include "agent_config/auto_reload.hpp"

#include "test.hpp"

using namespace lictor;

TEST_CASE("auto_reload_in: at the top level, in JSON and in HCL, the last one counts") {
  for (const char* text :
       {R"({"auto_reload_config": true})", R"({"a": {"b": [1]}, "auto_reload_config" : true, "c": 1})",
        "auto_reload_config = true", "node_meta {\n a = \"}\"\n}\n\"auto_reload_config\" = true",
        "auto_reload_config = false # for now\nAuto_Reload_Config=true",
        "a = <<END\nauto_reload_config = false\nEND\nauto_reload_config = true\nb = <<-X\n} /*\n  X\n",
        "// {\nauto_reload_config/* = false */= true", "auto_reload_config = \"yes\""}) {
    CAPTURE(text);
    CHECK(auto_reload_in(text) == true);
  }
  for (const char* text : {"auto_reload_config = false", R"({"auto_reload_config": false})",
                           "auto_reload_config = true\nauto_reload_config = false"}) {
    CAPTURE(text);
    CHECK(auto_reload_in(text) == false);
  }
}

TEST_CASE("auto_reload_in: not in comments, texts, blocks and other keys; nothing is too odd to be read") {
  for (const char* text : {"",
                           "{}",
                           "# auto_reload_config = true",
                           "// auto_reload_config = true",
                           "/* auto_reload_config = true */",
                           "/*/ auto_reload_config = true",
                           "a = \"auto_reload_config = true\"",
                           "a = \"\\\"\nauto_reload_config = true\"",
                           "a = <<END\nauto_reload_config = true\nEND",
                           "node_meta { auto_reload_config = true }",
                           R"({"node_meta": {"auto_reload_config": true}})",
                           R"({"auto_reload_config": null})",
                           "x_auto_reload_config = true",
                           "a = \"auto_reload_config\"",
                           "auto_reload_config",
                           "auto_reload_config =",
                           "\"auto_reload_config",
                           "\"\\",
                           "<<",
                           "<<-",
                           "/*",
                           "}}}"}) {
    CAPTURE(text);
    CHECK(auto_reload_in(text) == std::nullopt);
  }
}
