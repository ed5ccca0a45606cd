query "both" {
  workspace = workspace.soc
  kql       = "SecurityEvent"
  tables    = ["*"] # error: A query has a text or tables, and here kql stands at test.kustash.hcl:3
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
query "each" {
  for_each  = toset(["a", "b"])
  workspace = workspace.soc
  tables    = [each.key] # error: so it does not go with for_each
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
query "alone" {
  workspace = workspace.soc
  kql       = "SecurityEvent"
  except    = ["Usage"] # error: Write tables = ["*"] with it, or take it out
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
query "neither" { # error: or tables = ["*"] in its place
  workspace = workspace.soc
  except    = ["Usage"] # error: leaves out some of the tables that "tables" names
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
query "names" {
  workspace = workspace.soc
  tables = [
    "Security*",
    "", # error: The name of a table in "tables" is empty
    "Security*", # error: The list names "Security*" twice
    "Syslog | take 5", # error: The text of a query is the argument kql
    " Syslog", # error: takes names of tables
  ]
  except = [null] # error: The name of a table in "except" is empty
  sinks  = [sink.archive]
  window { start = "2026-01-01" }
}
query "kinds" {
  workspace = workspace.soc
  tables    = "Syslog" # error: list of string required
  except    = [] # error: names no table
  plan      = "cheap" # error: must be "analytics", "basic" or "auxiliary"
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
query "none" {
  workspace = workspace.soc
  tables    = null # error: names no table
  plan      = "basics" # error: Did you mean "basic"?
  sinks     = [sink.archive]
  missing_table = "ignore" # error: must be "error" or "skip"
  window {
    start = "2026-01-01"
    tables = ["A"] # error: not expected in a window block
  }
}
query "misspelt" {
  workspace = workspace.soc
  tabels    = ["*"] # error: Did you mean "tables"?
  kql       = "x"
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
