locals {
  top = "top"
}
query "literal" {
  workspace = workspace.soc
  kql       = "T | top 3" # error: Query cannot be cut
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
query "heredoc" {
  workspace = workspace.soc
  kql       = <<-KQL
    T
      | where A == "$${x}"
      | top 3 // # error: Query cannot be cut
      | search "x" // # warning: Query cannot be cut
  KQL
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
query "interpolated" {
  workspace = workspace.soc
  kql       = <<KQL
    T
  | where B == 1 | ${local.top} 3 // # error: Query cannot be cut
KQL
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
query "elsewhere" {
  workspace = workspace.soc
  kql       = join(" | ", ["T", "${local.top} 3"]) # error: Query cannot be cut
  sinks     = [sink.archive]
  window { start = "2026-01-01" }
}
query "assumed" {
  workspace = workspace.soc
  kql       = "T | top 3 | broken" # error: "broken" is the matter # warning: "top" is the matter
  sinks     = [sink.archive]
  assume_sliceable = true
  window { start = "2026-01-01" }
}
