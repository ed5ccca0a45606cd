# One query block, many tables: everything these tables hold since a date, as
# Parquet for analysis and as compressed CSV for whoever asks for it.

locals {
  # Narrow what is wide: a table may have a list of columns to keep.
  columns = {
    SecurityEvent = ["TimeGenerated", "Computer", "EventID", "Activity", "Account", "CommandLine"]
  }

  queries = {
    for table in var.tables : table => (
      contains(keys(local.columns), table)
      ? "${table} | project ${join(", ", local.columns[table])}"
      : table
    )
  }
}

credential "client_secret" "archiver" {
  limits {
    concurrency = 3 # leaves room for people who share the identity
  }
}

workspace "soc" {
  workspace_id = var.workspace_id
  auth         = credential.archiver
  endpoint     = var.endpoint
  authority    = var.authority
}

sink "local" "archive" {
  path   = "archive"
  layout = "{query}/year={year}/month={month}/day={day}"
  format "parquet" { compression = "zstd" }
}

sink "local" "handout" {
  path = "handout"
  format "csv" { compression = "gzip" }
}

query "events" {
  for_each  = local.queries
  workspace = workspace.soc
  kql       = each.value

  window {
    start = var.since
  }

  sinks = each.key == "SecurityEvent" ? [sink.archive] : [sink.archive, sink.handout]
}

output "queries" {
  value = local.queries
}
