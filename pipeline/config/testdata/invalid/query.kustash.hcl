query "bad name" { # error: Invalid name
}
query "empty" { # error: Missing window block # error: The argument "kql" is required # error: The argument "workspace" is required # error: The argument "sinks" is required
}
query "strings" {
  workspace = "soc" # error: write workspace.soc, without quotes
  kql       = "  " # error: holds no query
  sinks     = ["archive"] # error: write sink.archive, without quotes
  late      = "apend" # error: Did you mean "append"?
  on_change = "rebuilt" # error: Did you mean "rebuild"?
  missing_table = "skips" # error: Did you mean "skip"?
  schema = "freez" # error: must be "evolve" or "freeze", not "freez". Did you mean "freeze"?
  count     = 3 # error: Several instances are declared with for_each
  sink      = sink.archive # error: Sinks are given as a list
  window { # error: The argument "start" is required
    ends = "now" # error: Did you mean "end"?
  }
}
query "sinks" {
  workspace = sink.archive # error: this is a value of type object
  kql       = ["a"] # error: string required
  sinks     = sink.archive # error: so put it in brackets: sinks = [sink.archive]
  late      = null
  window { start = "2026-01-01" }
}
query "none" {
  workspace = null # error: it is null
  kql       = null # error: holds no query
  sinks     = [] # error: The list of sinks is empty
  assume_sliceable = "maybe" # error: a bool is required
  window { start = null } # error: The argument "start" is required
  window { start = "2026-01-01" } # error: A query has one window
}
query "twice" {
  workspace = workspace.soc
  kql       = "x"
  sinks     = [sink.archive, sink.archive, sink.other, null] # error: names sink.archive twice # error: write to the same place # error: it is null
  window { start = "2026-01-01" }
}
sink "local" "other" {
  path   = "archive"
  layout = "{query}"
}
query "map" {
  workspace = workspace.many # error: this is a map, because the block has for_each
  kql       = "x"
  sinks     = sink.many # error: Write sinks = values(sink.NAME)
  window { start = "2026-01-01" }
}
workspace "many" {
  for_each     = toset(["a"])
  workspace_id = each.key
}
sink "local" "many" {
  for_each = toset(["a", "b"])
  path     = each.key
}
