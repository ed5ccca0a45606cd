# The archive that duckdb.test.mjs reads: the days of one table, a file each.
# "kustash emulator" sets the variables.
variable "workspace_id" { type = string }
variable "endpoint" { type = string }
variable "authority" { type = string }

credential "client_secret" "reader" {}

workspace "w" {
  workspace_id = var.workspace_id
  endpoint     = var.endpoint
  authority    = var.authority
  auth         = credential.reader
}

sink "local" "archive" { path = "archive" }

query "drift" {
  workspace = workspace.w
  kql       = "Drift_CL"
  window {
    start = "2026-03-01"
    end   = "2026-03-06"
    slice = "1d"
  }
  sinks = [sink.archive]
}
