# Everything that a workspace holds: one export for each table with rows in the
# window. Tables that appear later are picked up by the next run.

credential "client_secret" "archiver" {}

workspace "soc" {
  workspace_id = var.workspace_id
  auth         = credential.archiver
  endpoint     = var.endpoint
  authority    = var.authority
}

sink "local" "archive" {
  path   = "archive"
  layout = "{query}/date={date}" # all/SecurityEvent/date=2026-01-01
  format "parquet" {}
}

query "all" {
  workspace = workspace.soc
  tables    = ["*"]
  except    = var.except # each query of a Basic table is billed: export those by name, with plan = "basic"

  window {
    start = var.since
  }

  sinks = [sink.archive]
}
