variable "skipped" {
  type    = set(string)
  default = ["Usage", "Operation"]
}
workspace "soc" {
  workspace_id = "aaaaaaaa-2222-3333-4444-555555555555"
}
sink "local" "archive" {
  path   = "archive"
  layout = "{query}/{date}"
}
query "all" {
  workspace = workspace.soc
  tables    = ["*"]
  except    = var.skipped
  window { start = "now-30d" }
  sinks = [sink.archive]
}
query "some" {
  workspace     = workspace.soc
  tables        = ["Security*", "SigninLogs"]
  missing_table = "skip"
  window {
    start       = "2026-01-01"
    time_column = "StartTime"
    time_slack  = "1d"
  }
  sinks = [sink.archive]
}
query "cheap" {
  workspace = workspace.soc
  kql       = "Flows_CL"
  plan      = "basic"
  late      = "ignore"
  window { start = "now-8d" }
  sinks = [sink.archive]
}
query "known" {
  workspace = workspace.soc
  kql       = "SecurityEvent"
  plan      = "analytics"
  window { start = "now-8d" }
  sinks = [sink.archive]
}
